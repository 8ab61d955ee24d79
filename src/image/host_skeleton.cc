#include "image/host_skeleton.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "image/directory.h"
#include "image/host_etc.h"
#include "image/ownership.h"
#include "sys/file.h"

namespace ak::image {

namespace {

constexpr std::array<const char*, 6> kUsrNames = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};

struct EmptyDirectory {
  const char* path;
  mode_t mode;
};

// Mount points and the directories that programs expect; parents before children.
constexpr EmptyDirectory kEmptyDirectories[] = {
    {"usr", 0755},       {"proc", 0555},      {"dev", 0755},       {"sys", 0555},
    {"tmp", 01777},      {"run", 0755},       {"workspace", 0755}, {"home", 0755},
    {"root", 0700},      {"opt", 0755},       {"mnt", 0755},       {"srv", 0755},
    {"var", 0755},       {"var/cache", 0755}, {"var/lib", 0755},   {"var/log", 0755},
    {"var/spool", 0755}, {"var/tmp", 01777},  {"etc", 0755}};

constexpr std::array<const char*, 2> kResolverFiles = {"run/systemd/resolve/resolv.conf",
                                                       "etc/resolv.conf"};

// Paths below /etc that the allow-list matches on this host, sorted as in the list.
Result<std::vector<std::string>> matchEtc(int etc) {
  std::vector<std::string> found;
  const std::vector<std::string> names = AK_TRY(listDirectory(etc));
  for (const std::string_view pattern : kHostEtc) {
    if (pattern.ends_with('*')) {
      const std::string_view prefix = pattern.substr(0, pattern.size() - 1);
      for (const std::string& name : names) {
        if (name.starts_with(prefix)) {
          found.push_back(name);
        }
      }
      continue;
    }
    struct stat info{};
    if (::fstatat(etc, std::string(pattern).c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
      found.emplace_back(pattern);
    }
  }
  return found;
}

Status addInputs(int host_root,
                 const std::string& path,
                 std::vector<HostInput>& inputs,
                 int depth) {
  struct stat info{};
  if (::fstatat(host_root, path.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
      (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) || depth > kMaxTreeDepth) {
    return {};
  }
  inputs.push_back(statHostInput(host_root, path));
  if (!S_ISDIR(info.st_mode) || (info.st_mode & S_IROTH) == 0) {
    return {};
  }
  const sys::OwnedFd directory = AK_TRY(openDirectory(host_root, path));
  for (const std::string& name : AK_TRY(listDirectory(directory.get()))) {
    AK_TRY(addInputs(host_root, cat(path, "/", name), inputs, depth + 1));
  }
  return {};
}

Status writeFile(int dir, const std::string& name, std::string_view text) {
  sys::OwnedFd file = AK_TRY(sys::openAt(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0644));
  AK_TRY(sys::writeAll(file.get(), text));
  AK_TRY(applyOwnership(file.get(), {0, 0, 0644}));
  return file.close();
}

Status makeEmptyDirectories(int dest) {
  for (const EmptyDirectory& wanted : kEmptyDirectories) {
    const sys::OwnedFd made = AK_TRY(makeDirectory(dest, wanted.path));
    AK_TRY(applyOwnership(made.get(), {0, 0, wanted.mode}));
  }
  return applyOwnership(dest, {0, 0, 0755});
}

// /bin and its like: the same links as on the host, or mount points for the bind.
Status makeUsrLinks(int host_root, int dest, CopyBudget& budget) {
  for (const char* name : kUsrNames) {
    struct stat info{};
    if (::fstatat(host_root, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    if (S_ISDIR(info.st_mode)) {
      const sys::OwnedFd made = AK_TRY(makeDirectory(dest, name));
      AK_TRY(applyOwnership(made.get(), {0, 0, 0755}));
    } else if (S_ISLNK(info.st_mode)) {
      AK_TRY(copyEntry(host_root, dest, name, CopyRule::PublicOnly, budget));
    }
  }
  return {};
}

// "ssl/certs" is copied into an etc/ssl of our own making.
Status copyEtc(int host_etc, int etc, const std::string& path, CopyBudget& budget) {
  const std::size_t slash = path.find('/');
  if (slash == std::string::npos) {
    return copyEntry(host_etc, etc, path, CopyRule::PublicOnly, budget);
  }
  const std::string parent = path.substr(0, slash);
  const Result<sys::OwnedFd> source = openDirectory(host_etc, parent);
  if (!source) {
    return {};  // a link: what it points to is copied under its own name, or not at all
  }
  const sys::OwnedFd dest = AK_TRY(makeDirectory(etc, parent));
  AK_TRY(applyOwnership(dest.get(), {0, 0, 0755}));
  return copyEtc(source->get(), dest.get(), path.substr(slash + 1), budget);
}

std::string hostResolver(int host_root) {
  for (const char* path : kResolverFiles) {
    const auto file = sys::openAtIfExists(host_root, path, O_RDONLY | O_NONBLOCK);
    if (file && *file) {
      const Result<std::string> text = sys::readAll((*file)->get(), 64 * 1024);
      std::string servers = text ? resolverFile(*text) : std::string();
      if (!servers.empty()) {
        return servers;
      }
    }
  }
  return {};
}

}  // namespace

HostInput statHostInput(int host_root, const std::string& path) {
  HostInput input{.path = path};
  struct stat info{};
  if (::fstatat(host_root, path.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    constexpr std::int64_t kBillion = 1'000'000'000;
    input.device = info.st_dev;
    input.inode = info.st_ino;
    input.size = static_cast<std::uint64_t>(info.st_size);
    input.modified_ns = info.st_mtim.tv_sec * kBillion + info.st_mtim.tv_nsec;
    input.changed_ns = info.st_ctim.tv_sec * kBillion + info.st_ctim.tv_nsec;
  }
  return input;
}

Result<std::vector<HostInput>> listHostInputs(int host_root) {
  const sys::OwnedFd etc = AK_TRY(openDirectory(host_root, "etc"));
  std::vector<HostInput> inputs;
  for (const char* name : kUsrNames) {
    inputs.push_back(statHostInput(host_root, name));
  }
  for (const char* path : kResolverFiles) {
    inputs.push_back(statHostInput(host_root, path));
  }
  inputs.push_back(statHostInput(host_root, "etc"));
  for (const std::string& path : AK_TRY(matchEtc(etc.get()))) {
    AK_TRY(addInputs(host_root, "etc/" + path, inputs, 0));
  }
  return inputs;
}

Result<std::vector<std::string>> hostBinds(int host_root) {
  std::vector<std::string> binds = {"usr"};
  for (const char* name : kUsrNames) {
    struct stat info{};
    if (::fstatat(host_root, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode)) {
      binds.emplace_back(name);
    }
  }
  return binds;
}

Status buildSkeleton(int host_root, int dest, CopyBudget& budget) {
  AK_TRY(makeEmptyDirectories(dest));
  AK_TRY(makeUsrLinks(host_root, dest, budget));
  const sys::OwnedFd host_etc = AK_TRY(openDirectory(host_root, "etc"));
  const sys::OwnedFd etc = AK_TRY(openDirectory(dest, "etc"));
  for (const std::string& path : AK_TRY(matchEtc(host_etc.get()))) {
    AK_TRY(copyEtc(host_etc.get(), etc.get(), path, budget));
  }
  for (const SyntheticFile& file : kSyntheticEtc) {
    AK_TRY(writeFile(etc.get(), std::string(file.name), file.text));
  }
  AK_TRY(writeFile(etc.get(), "resolv.conf", hostResolver(host_root)));
  if (::symlinkat("/proc/self/mounts", etc.get(), "mtab") != 0) {
    return failErrno("symlink etc/mtab");
  }
  const sys::OwnedFd home = AK_TRY(makeDirectory(dest, "home/user"));
  return applyOwnership(home.get(), {1000, 1000, 0755});
}

}  // namespace ak::image
