#include "manager/repositories.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>

#include "base/text.h"
#include "manager/change_entry.h"
#include "manager/git_index.h"
#include "sys/file.h"

namespace ak::manager {

namespace {

constexpr std::size_t kMaxDirectories = 20'000;
constexpr std::size_t kMaxDepth = 8;
constexpr std::size_t kMaxFound = 200;
constexpr std::chrono::milliseconds kMaxTime{300};
constexpr std::size_t kMaxIndex = std::size_t{256} << 20U;
constexpr std::string_view kGitFile = "gitdir: ";

class Search {
 public:
  explicit Search(int workspace) : workspace_{workspace} {}

  Result<Repositories> run() {
    AK_TRY(lookAtTop());
    walk();
    // Those that are found here may hold submodules again; the list grows while it is read.
    for (std::size_t i = 0; i < repositories_.size(); ++i) {
      AK_TRY(guardSubmodules(repositories_[i]));
    }
    if (found_.guarded.size() > kMaxFound) {
      return fail(ErrorCode::TooLarge,
                  cat("more than ", kMaxFound, " repositories and submodules in the workspace"),
                  "Use a copy-on-write workspace (--mount cow), or a smaller directory.");
    }
    return std::move(found_);
  }

 private:
  Status lookAtTop() {
    const Entry git = AK_TRY(lookAt(workspace_, ".git"));
    found_.top_has_git = git.kind == EntryKind::Directory;
    if (git.kind != EntryKind::Missing) {
      repositories_.emplace_back();
      return {};
    }
    // Without a `.git` git asks whether the directory itself is a repository: that needs a HEAD.
    found_.guarded.emplace_back("HEAD");
    const Entry head = AK_TRY(lookAt(workspace_, "HEAD"));
    if (head.kind == EntryKind::File || head.kind == EntryKind::Symlink) {
      for (const char* name : {"commondir", "config", "config.worktree", "hooks"}) {
        const Entry part = AK_TRY(lookAt(workspace_, name));
        if (part.kind != EntryKind::Missing) {
          found_.guarded.emplace_back(name);
        }
      }
    }
    return {};
  }

  void walk() {
    const auto deadline = std::chrono::steady_clock::now() + kMaxTime;
    std::deque<std::pair<std::string, std::size_t>> pending{{"", 0}};
    std::size_t looked = 0;
    while (!pending.empty() && repositories_.size() <= kMaxFound) {
      const auto [path, depth] = std::move(pending.front());
      pending.pop_front();
      if (++looked > kMaxDirectories || std::chrono::steady_clock::now() > deadline) {
        found_.hint =
            cat("The workspace is too large to search it all for nested git repositories: "
                "those below ",
                path, " and deeper are not protected.");
        return;
      }
      for (const std::string& name : directoriesIn(path)) {
        if (depth < kMaxDepth) {
          pending.emplace_back(below(path, name), depth + 1);
        } else {
          found_.hint = cat("Git repositories more than ", kMaxDepth,
                            " directories deep in the workspace are not protected.");
        }
      }
    }
  }

  // Names of directories in it, without `.git`, whose presence is noted.
  std::vector<std::string> directoriesIn(const std::string& path) {
    std::vector<std::string> names;
    Result<sys::OwnedFd> fd =
        sys::openAt(workspace_.top, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                    0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(fd ? ::fdopendir(fd->release()) : nullptr,
                                                      ::closedir);
    while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr) {
      const std::string name = entry->d_name;
      if (name == ".git") {
        if (!path.empty()) {
          found_.guarded.push_back(below(path, name));
          repositories_.push_back(path);
        }
      } else if (name != "." && name != ".." && isDirectory(::dirfd(entries.get()), *entry)) {
        names.push_back(name);
      }
    }
    return names;
  }

  static bool isDirectory(int directory, const dirent& entry) {
    struct stat info{};
    return entry.d_type == DT_DIR ||
           (entry.d_type == DT_UNKNOWN &&
            ::fstatat(directory, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(info.st_mode));
  }

  // Where the repository of directory `path` keeps its index; "" when `.git` is nothing of git's.
  // A file names it (`git worktree`, submodules), relative to its directory.
  Result<std::string> indexOf(const std::string& path) const {
    const std::string git = below(path, ".git");
    const Entry entry = AK_TRY(lookAt(workspace_, git));
    if (entry.kind == EntryKind::Directory) {
      return cat(git, "/index");
    }
    if (entry.kind != EntryKind::File) {
      return std::string();
    }
    const sys::OwnedFd file = AK_TRY(openRegular(workspace_, git));
    const std::string text = AK_TRY(sys::readAll(file.get(), 64 * 1024));
    if (!text.starts_with(kGitFile)) {
      return std::string();
    }
    const std::string target(trim(std::string_view(text).substr(kGitFile.size())));
    return cat(target.starts_with('/') || path.empty() ? "" : cat(path, "/"), target, "/index");
  }

  Status guardSubmodules(const std::string& path) {
    const std::string index = AK_TRY(indexOf(path));
    Result<sys::OwnedFd> file =
        index.empty() ? fail(ErrorCode::NotFound, "no repository")
                      : sys::openAt(workspace_.top, index, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file && file.error().code == ErrorCode::NotFound) {
      return {};
    }
    const Result<std::string> content =
        file ? sys::readAll(file->get(), kMaxIndex) : std::unexpected(file.error());
    const Result<std::vector<std::string>> names =
        content ? submodulesIn(*content) : std::unexpected(content.error());
    if (!names) {
      return fail(ErrorCode::Unsupported,
                  cat("the submodules of ", path.empty() ? "the workspace" : printable(path),
                      " cannot be protected: ", names.error().message),
                  "Use a copy-on-write workspace (--mount cow).");
    }
    for (const std::string& name : *names) {
      AK_TRY(guardSubmodule(below(path, name)));
    }
    return {};
  }

  // One that is there has its `.git` guarded; of one that is not, the directory.
  Status guardSubmodule(const std::string& path) {
    const std::string git = below(path, ".git");
    const Entry entry = AK_TRY(lookAt(workspace_, git));
    const std::string& guard = entry.kind == EntryKind::Missing ? path : git;
    if (std::ranges::find(found_.guarded, guard) == found_.guarded.end() &&
        found_.guarded.size() <= kMaxFound) {
      found_.guarded.push_back(guard);
      if (entry.kind != EntryKind::Missing) {
        repositories_.push_back(path);
      }
    }
    return {};
  }

  Tree workspace_;
  Repositories found_;
  std::vector<std::string> repositories_;  // their directories
};

}  // namespace

Result<Repositories> findRepositories(int workspace) {
  return Search(workspace).run();
}

}  // namespace ak::manager
