#include "audit/head.h"

#include <fcntl.h>

#include "base/text.h"
#include "sys/file.h"

namespace ak::audit {

namespace {

constexpr std::size_t kMaxHead = 256;

}  // namespace

std::string headText(const Head& head) {
  return cat(linkText(head.last), " ", head.first, "\n");
}

std::optional<Head> parseHead(std::string_view text) {
  if (!text.ends_with('\n')) {
    return std::nullopt;
  }
  text.remove_suffix(1);
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) {
    return std::nullopt;
  }
  const auto last = parseLink(text.substr(0, space));
  const auto first = parseNumber<std::uint64_t>(text.substr(space + 1));
  if (!last || !first || *first == 0 || *first > last->seq + 1) {
    return std::nullopt;
  }
  return Head{*last, *first};
}

Result<std::optional<Head>> readHead(const std::string& path) {
  auto text = sys::readRegularFile(AT_FDCWD, path, kMaxHead);
  if (!text) {
    if (text.error().sys_errno == ENOENT) {
      return std::nullopt;
    }
    return std::unexpected(std::move(text).error().context(cat("reading ", path)));
  }
  const std::optional<Head> head = parseHead(*text);
  if (!head) {
    return fail(ErrorCode::Protocol, cat(path, " does not say where the audit log ends"));
  }
  return head;
}

Status writeHead(const std::string& path, const Head& head) {
  const std::size_t slash = path.rfind('/');
  const sys::OwnedFd directory =
      AK_TRY(sys::openPath(path.substr(0, slash + 1), O_RDONLY | O_DIRECTORY));
  return sys::replaceFile(directory.get(), path.substr(slash + 1), headText(head), 0600);
}

}  // namespace ak::audit
