#include "launch/placeholder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "sys/file.h"
#include "sys/resolve.h"

namespace ak::launch {

namespace {

struct Content {
  std::string_view end;
  std::string_view text;
};

// gitrepository-layout(5). An empty `commondir` would be an error to git; "." is the directory
// that it uses anyway.
constexpr Content kFiles[] = {
    {".git/commondir", ".\n"}, {".git/config", ""}, {".git/config.worktree", ""}};

std::optional<std::string_view> contentOf(const std::string& path) {
  for (const Content& file : kFiles) {
    if (path == file.end || path.ends_with(cat("/", file.end))) {
      return file.text;
    }
  }
  return std::nullopt;
}

struct Place {
  sys::OwnedFd directory;
  std::string name;
};

Result<Place> placeOf(int workspace, const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash);
  return Place{AK_TRY(sys::openAt(workspace, parent, O_RDONLY | O_DIRECTORY, 0, sys::kBeneath)),
               slash == std::string::npos ? path : path.substr(slash + 1)};
}

Result<sys::OwnedFd> make(const Place& place, std::optional<std::string_view> content) {
  if (content) {
    sys::OwnedFd file = AK_TRY(sys::openAt(place.directory.get(), place.name,
                                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    AK_TRY(sys::writeAll(file.get(), *content));
    return file;
  }
  if (::mkdirat(place.directory.get(), place.name.c_str(), 0755) != 0) {
    return failErrno("mkdir");
  }
  // By descriptor: a guest of another box may have this workspace too, and swap what it finds.
  return sys::openAt(place.directory.get(), place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                     sys::kBeneath);
}

}  // namespace

Status makePlaceholder(int workspace, const std::string& path, const model::BoxWorkspace& spec) {
  const std::optional<std::string_view> content = contentOf(path);
  const Place place = AK_TRY(placeOf(workspace, path));
  Result<sys::OwnedFd> made = make(place, content);
  if (!made) {
    return std::unexpected(std::move(made).error().context(cat("reserving ", path)));
  }
  // The owner's like all else there, and readable whatever our umask: the guest meets it too.
  if ((::fchown(made->get(), spec.owner_uid, spec.owner_gid) != 0 && errno != EINVAL) ||
      ::fchmod(made->get(), content ? 0644 : 0755) != 0) {
    return failErrno(cat("reserving ", path));
  }
  return {};
}

void removePlaceholder(int workspace, const std::string& path) {
  const Result<Place> place = placeOf(workspace, path);
  if (!place) {
    return;
  }
  const std::optional<std::string_view> content = contentOf(path);
  if (!content) {
    (void)::unlinkat(place->directory.get(), place->name.c_str(), AT_REMOVEDIR);
    return;
  }
  const Result<sys::OwnedFd> file =
      sys::openAt(place->directory.get(), place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const Result<std::string> text =
      file ? sys::readAll(file->get(), 64) : std::unexpected(file.error());
  if (text && *text == *content) {
    (void)::unlinkat(place->directory.get(), place->name.c_str(), 0);
  }
}

}  // namespace ak::launch
