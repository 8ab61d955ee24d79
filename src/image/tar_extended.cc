#include "image/tar_extended.h"

#include "base/text.h"

namespace ak::image {

namespace {

// "1700000000.123456789", also negative; digits past nanoseconds are dropped.
bool parsePaxTime(std::string_view text, std::int64_t& seconds, std::uint32_t& nanoseconds) {
  const std::size_t dot = text.find('.');
  const auto whole = parseNumber<std::int64_t>(text.substr(0, dot));
  if (!whole) {
    return false;
  }
  seconds = *whole;
  nanoseconds = 0;
  if (dot != std::string_view::npos) {
    std::string fraction(text.substr(dot + 1, 9));
    fraction.resize(9, '0');
    const auto parsed = parseNumber<std::uint32_t>(fraction);
    if (!parsed) {
      return false;
    }
    nanoseconds = *parsed;
  }
  return true;
}

}  // namespace

std::unexpected<Error> malformedArchive(std::string_view why) {
  return fail(ErrorCode::Protocol, cat("malformed archive: ", why), "Make the archive again.");
}

std::unexpected<Error> sparseArchive() {
  return fail(ErrorCode::Unsupported, "the archive has sparse members",
              "Make it again without tar's --sparse (-S).");
}

Status checkTarName(std::string_view name) {
  if (name.size() > kMaxTarName) {
    return fail(ErrorCode::TooLarge,
                cat("a name in the archive is longer than ", kMaxTarName, " bytes"));
  }
  if (name.contains('\0')) {
    return malformedArchive("a name with a zero byte");
  }
  return {};
}

Status readPax(std::string_view text, TarExtended& extended) {
  while (!text.empty()) {
    // "LENGTH KEY=VALUE\n", where LENGTH counts the whole record.
    const std::size_t space = text.find(' ');
    const auto length = parseNumber<std::size_t>(text.substr(0, space));
    if (space == std::string_view::npos || !length || *length <= space + 1 ||
        *length > text.size() || text[*length - 1] != '\n') {
      return malformedArchive("a bad pax record");
    }
    const std::string_view record = text.substr(space + 1, *length - space - 2);
    text.remove_prefix(*length);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) {
      return malformedArchive("a pax record without '='");
    }
    const std::string_view key = record.substr(0, equals);
    const std::string_view value = record.substr(equals + 1);
    constexpr std::string_view kXattr = "SCHILY.xattr.";
    if (key.starts_with("GNU.sparse.")) {
      return sparseArchive();
    }
    if (key == "path" || key == "linkpath") {
      AK_TRY(checkTarName(value));
      (key == "path" ? extended.path : extended.link) = value;
    } else if (key == "size" || key == "uid" || key == "gid") {
      const auto number = parseNumber<std::uint64_t>(value);
      if (!number || *number > std::uint64_t{1} << 62U) {
        return malformedArchive(cat("pax ", key, " is not a number"));
      }
      (key == "size" ? extended.size : key == "uid" ? extended.uid : extended.gid) = *number;
    } else if (key == "mtime") {
      std::int64_t seconds = 0;
      if (!parsePaxTime(value, seconds, extended.modified_nanoseconds)) {
        return malformedArchive("pax mtime is not a time");
      }
      extended.modified_seconds = seconds;
    } else if (key.starts_with(kXattr)) {
      AK_TRY(checkTarName(key));
      if (extended.xattrs.size() == kMaxTarXattrs) {
        return fail(ErrorCode::TooLarge,
                    cat("a member of the archive has more than ", kMaxTarXattrs, " attributes"));
      }
      extended.xattrs.emplace_back(key.substr(kXattr.size()), value);
    }
  }
  return {};
}

}  // namespace ak::image
