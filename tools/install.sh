#!/usr/bin/env bash
# install.sh install|uninstall [--prefix DIR]: puts the built programs, the systemd user unit, shell
# completion and manual pages below DIR, and takes exactly those away again. DESTDIR is honoured.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# Where the programs were built; another one for tests of another build.
build=${AK_BUILD_DIR:-$root/build}
action=${1:?install or uninstall}
shift
if ((EUID == 0)); then prefix=/usr/local; else prefix=$HOME/.local; fi
while (($#)); do
  case $1 in
    --prefix) prefix=${2:?--prefix needs a directory}; shift ;;
    --prefix=*) prefix=${1#*=} ;;
    *)
      printf 'install: error: unknown option %s\n  Options: --prefix DIR\n' "$1" >&2
      exit 1
      ;;
  esac
  shift
done
prefix=$(realpath -m -- "$prefix")
base=${DESTDIR:-}$prefix
# What was installed, so that uninstall removes that and nothing else.
manifest=$base/share/agentkernel/manifest

take_away() { # FILE, and the directories above it that are empty then
  rm -f -- "$base/$1"
  (cd -- "$base" && rmdir -p --ignore-fail-on-non-empty -- "$(dirname -- "$1")" 2>/dev/null) || true
}

uninstall() {
  [[ -e $manifest ]] || {
    printf 'install: error: nothing is installed in %s\n  Give the prefix that was used: --prefix DIR\n' \
      "$prefix" >&2
    exit 1
  }
  local file
  while IFS= read -r file; do
    # Only what lies below the prefix, whatever became of the manifest.
    [[ -z $file || $file == /* || $file == *..* ]] || take_away "$file"
  done <"$manifest"
  take_away share/agentkernel/manifest
  printf 'removed from %s; state in ~/.local/share/agentkernel is left as it is\n' "$prefix"
}

put() { # SOURCE MODE TARGET
  install -D -m "$2" -- "$1" "$base/$3"
  printf '%s\n' "$3" >>"$manifest"
}

install_all() {
  local program page shell scratch version
  mkdir -p "$(dirname -- "$manifest")"
  : >"$manifest"
  for program in agentkernel agentkerneld ak-launcher ak-agent; do
    [[ -x $build/bin/$program ]] || {
      printf 'install: error: build/bin/%s is not there\n  Build first: ./dev build\n' "$program" >&2
      exit 1
    }
    put "$build/bin/$program" 0755 "bin/$program"
  done
  scratch=$(mktemp -d)
  # Expanded now: it is a local variable, and the trap runs outside.
  trap "rm -rf -- $(printf %q "$scratch")" EXIT
  sed "s|@PREFIX@|$prefix|g" "$root/packaging/systemd/agentkernel.service" >"$scratch/unit"
  # Under ~/.local the user's systemd reads share/systemd/user, elsewhere lib/systemd/user.
  if [[ $prefix == "${HOME:-/nonexistent}/.local" ]]; then
    put "$scratch/unit" 0644 share/systemd/user/agentkernel.service
  else
    put "$scratch/unit" 0644 lib/systemd/user/agentkernel.service
  fi
  for shell in bash zsh fish; do
    "$build/bin/agentkernel" completion "$shell" >"$scratch/$shell"
  done
  put "$scratch/bash" 0644 share/bash-completion/completions/agentkernel
  put "$scratch/zsh" 0644 share/zsh/site-functions/_agentkernel
  put "$scratch/fish" 0644 share/fish/vendor_completions.d/agentkernel.fish
  mkdir "$scratch/man"
  "$build/bin/agentkernel" help --man "$scratch/man" >/dev/null
  version=$("$build/bin/agentkernel" --version)
  "$root/tools/config_man.py" "${version#* }" >"$scratch/man/agentkernel.toml.5"
  for page in "$scratch"/man/*; do
    put "$page" 0644 "share/man/man${page##*.}/${page##*/}"
  done
  put "$root/README.md" 0644 share/doc/agentkernel/README.md
  put "$root/LICENSE" 0644 share/doc/agentkernel/copyright
  printf 'installed in %s\n' "$prefix"
}

case $action in
  install) install_all ;;
  uninstall) uninstall ;;
  *)
    printf 'install: error: unknown action %s\n' "$action" >&2
    exit 1
    ;;
esac
