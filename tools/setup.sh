#!/usr/bin/env bash
# setup.sh [GROUP...]: installs the missing Debian packages of these groups of tools/packages.txt.
# Silent when nothing is missing. Works as root and with sudo.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
groups=${*:-build runtime test}

say() { printf 'setup: %s\n' "$*" >&2; }
die() {
  printf 'setup: error: %s\n  %s\n' "$1" "$2" >&2
  exit 1
}

for group in $groups; do
  grep -q "^$group " "$here/packages.txt" ||
    die "unknown package group '$group'" "Groups: $(awk '/^[a-z]/ { print $1 }' "$here/packages.txt" | sort -u | tr '\n' ' ')"
done

mapfile -t wanted < <(awk -v groups=" $groups " \
  '/^[a-z]/ && index(groups, " " $1 " ") { print $2 }' "$here/packages.txt" | sort -u)

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  # Another distribution: its names differ, so look for what the build cannot do without.
  for tool in clang++-19 cmake ninja; do
    command -v "$tool" >/dev/null ||
      die "this is not a Debian system and $tool is missing" \
        "Install what tools/packages.txt lists by your distribution's names, or use Debian 12."
  done
  exit 0
fi

mapfile -t present < <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
  awk '$1 == "installed" { print $2 }' | sort -u)
mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}") <(printf '%s\n' "${present[@]}"))
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null ||
    die "packages are missing and neither root nor sudo is at hand" \
      "As root, run: apt-get install --no-install-recommends ${missing[*]}"
  as_root=(sudo)
  # Without a terminal sudo cannot ask for a password.
  [[ -t 0 || -t 2 ]] || as_root=(sudo -n)
fi

if [[ " ${missing[*]} " == *" libboost1.81-dev "* ]] &&
  [[ $(dpkg-query -W -f '${db:Status-Status}' libboost1.74-dev 2>/dev/null) == installed ]]; then
  say "libboost1.81-dev replaces libboost1.74-dev: Debian lets only one be installed"
fi

log=$(mktemp)
trap 'rm -f -- "$log"' EXIT

# apt's machine-readable progress becomes one moving line on a terminal.
progress() {
  local percent text
  while IFS=: read -r _ _ percent text; do
    [[ -t 2 ]] && printf '\r\033[Ksetup: %3.0f%% %s' "${percent%%.*}" "${text:0:60}" >&2
  done
  [[ -t 2 ]] && printf '\r\033[K' >&2
  return 0
}

apt() {
  # The status descriptor is closed by sudo, so it travels as stdout, and the text as stderr.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
    -o DPkg::Lock::Timeout=600 -o APT::Status-Fd=1 "$@" 2>>"$log" </dev/null |
    tee -a "$log" | { grep --line-buffered -E '^(dlstatus|pmstatus):' || true; } | progress
}

say "installing ${#missing[@]} Debian packages: ${missing[*]}"
lists=(/var/lib/apt/lists/*Packages*)
if [[ ! -e ${lists[0]} ]] || ! apt install --no-install-recommends "${missing[@]}"; then
  say "reading the package lists"
  # A broken third source must not stop us when the install then works.
  apt update || true
  apt install --no-install-recommends "${missing[@]}" || {
    tail -n 20 "$log" >&2
    die "apt-get could not install: ${missing[*]}" \
      "Check the network and /etc/apt/sources.list (Debian 12 main), then run: ./dev setup $groups"
  }
fi
say "packages are installed"
