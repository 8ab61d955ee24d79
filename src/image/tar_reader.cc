#include "image/tar_reader.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "image/tar_header.h"

namespace ak::image {

struct TarReader::Extended {
  std::optional<std::string> path;
  std::optional<std::string> link;
  std::optional<std::uint64_t> size, uid, gid;
  std::optional<std::int64_t> modified_seconds;
  std::uint32_t modified_nanoseconds = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;
  std::size_t bytes = 0;  // of all extended headers so far
  bool any = false;
};

namespace {

std::unexpected<Error> malformed(std::string_view why) {
  return fail(ErrorCode::Protocol, cat("malformed archive: ", why), "Make the archive again.");
}

std::unexpected<Error> sparse() {
  return fail(ErrorCode::Unsupported, "the archive has sparse members",
              "Make it again without tar's --sparse (-S).");
}

Status checkName(std::string_view name) {
  if (name.size() > TarReader::kMaxName) {
    return fail(ErrorCode::TooLarge,
                cat("a name in the archive is longer than ", TarReader::kMaxName, " bytes"));
  }
  if (name.contains('\0')) {
    return malformed("a name with a zero byte");
  }
  return {};
}

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

std::optional<TarType> typeOf(char flag) {
  switch (flag) {
    case '0':
    case '\0':
    case '7':  // contiguous file: a file, says POSIX
      return TarType::File;
    case '1':
      return TarType::HardLink;
    case '2':
      return TarType::Symlink;
    case '3':
      return TarType::CharDevice;
    case '4':
      return TarType::BlockDevice;
    case '5':
      return TarType::Directory;
    case '6':
      return TarType::Fifo;
    default:
      return std::nullopt;
  }
}

std::string headerName(std::string_view header) {
  const std::string_view name = tarText(header, kTarName);
  // GNU's magic ("ustar  ") says that the prefix field holds something else.
  const bool posix =
      header.substr(kTarMagic.offset, kTarMagic.size) == std::string_view("ustar\0", 6);
  const std::string_view prefix = posix ? tarText(header, kTarPrefix) : std::string_view();
  return prefix.empty() ? std::string(name) : cat(prefix, "/", name);
}

}  // namespace

// False at a clean end of the source; an end within the block is an error.
Result<bool> TarReader::readBlock(std::span<char> block) {
  std::size_t have = 0;
  while (have < block.size()) {
    const std::size_t size = AK_TRY(source_.read(block.subspan(have)));
    if (size == 0) {
      return have == 0 ? Result<bool>(false) : malformed("it ends within a member");
    }
    have += size;
  }
  return true;
}

Result<std::string> TarReader::readSmall(std::uint64_t size, std::size_t limit) {
  if (size > limit) {
    return fail(ErrorCode::TooLarge,
                cat("an extended header of the archive has ", size, " bytes; at most ", limit));
  }
  std::string text(size, '\0');
  if (size != 0 && !AK_TRY(readBlock(text))) {
    return malformed("it ends within a header");
  }
  padding_ = (kTarBlock - size % kTarBlock) % kTarBlock;
  AK_TRY(skipPadding());
  return text;
}

Status TarReader::skipPadding() {
  std::array<char, kTarBlock> waste;
  if (padding_ != 0 && !AK_TRY(readBlock(std::span(waste).first(padding_)))) {
    return malformed("it ends within a member");
  }
  padding_ = 0;
  return {};
}

Result<std::size_t> TarReader::readContent(std::span<char> out) {
  if (left_ == 0) {
    return std::size_t{0};
  }
  const std::size_t want = std::min<std::uint64_t>(out.size(), left_);
  const std::size_t size = AK_TRY(source_.read(out.first(want)));
  if (size == 0) {
    return malformed("it ends within a member");
  }
  left_ -= size;
  return size;
}

Status TarReader::drain() {
  std::array<char, 64 * 1024> waste;
  while (AK_TRY(source_.read(waste)) != 0) {
  }
  return {};
}

Status TarReader::readPax(std::string_view text, Extended& extended) {
  while (!text.empty()) {
    // "LENGTH KEY=VALUE\n", where LENGTH counts the whole record.
    const std::size_t space = text.find(' ');
    const auto length = parseNumber<std::size_t>(text.substr(0, space));
    if (space == std::string_view::npos || !length || *length <= space + 1 ||
        *length > text.size() || text[*length - 1] != '\n') {
      return malformed("a bad pax record");
    }
    const std::string_view record = text.substr(space + 1, *length - space - 2);
    text.remove_prefix(*length);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) {
      return malformed("a pax record without '='");
    }
    const std::string_view key = record.substr(0, equals);
    const std::string_view value = record.substr(equals + 1);
    constexpr std::string_view kXattr = "SCHILY.xattr.";
    if (key.starts_with("GNU.sparse.")) {
      return sparse();
    }
    if (key == "path" || key == "linkpath") {
      AK_TRY(checkName(value));
      (key == "path" ? extended.path : extended.link) = value;
    } else if (key == "size" || key == "uid" || key == "gid") {
      const auto number = parseNumber<std::uint64_t>(value);
      if (!number || *number > std::uint64_t{1} << 62U) {
        return malformed(cat("pax ", key, " is not a number"));
      }
      (key == "size" ? extended.size : key == "uid" ? extended.uid : extended.gid) = *number;
    } else if (key == "mtime") {
      std::int64_t seconds = 0;
      if (!parsePaxTime(value, seconds, extended.modified_nanoseconds)) {
        return malformed("pax mtime is not a time");
      }
      extended.modified_seconds = seconds;
    } else if (key.starts_with(kXattr)) {
      AK_TRY(checkName(key));
      if (extended.xattrs.size() == kMaxXattrs) {
        return fail(ErrorCode::TooLarge,
                    cat("a member of the archive has more than ", kMaxXattrs, " attributes"));
      }
      extended.xattrs.emplace_back(key.substr(kXattr.size()), value);
    }
  }
  return {};
}

Result<std::optional<TarEntry>> TarReader::next() {
  std::array<char, 64 * 1024> waste;
  while (left_ != 0) {
    (void)AK_TRY(readContent(waste));
  }
  AK_TRY(skipPadding());
  Extended extended;
  while (!ended_) {
    std::array<char, kTarBlock> block;
    if (!AK_TRY(readBlock(block))) {
      if (extended.any) {
        return malformed("it ends after an extended header");
      }
      ended_ = true;
      break;
    }
    const std::string_view header(block.data(), block.size());
    if (tarBlockIsZero(header)) {
      std::array<char, kTarBlock> second;
      complete_ = AK_TRY(readBlock(second));
      if (complete_ && !tarBlockIsZero({second.data(), second.size()})) {
        return malformed("it has half an end");
      }
      ended_ = true;
      break;
    }
    if (!tarChecksumOk(header)) {
      return malformed("a header's checksum is wrong");
    }
    const char flag = header[kTarTypeFlag.offset];
    const auto size = tarNumber(header, kTarSize);
    if (!size) {
      return malformed("a size is not a number");
    }
    if (!std::string_view("xgLK").contains(flag)) {
      return finishEntry(header, std::move(extended));
    }
    extended.any = true;
    if (flag == 'L' || flag == 'K') {
      // One byte more for the NUL that ends it.
      std::string name = AK_TRY(readSmall(*size, kMaxName + 1));
      name.resize(name.find('\0') == std::string::npos ? name.size() : name.find('\0'));
      AK_TRY(checkName(name));
      (flag == 'L' ? extended.path : extended.link) = std::move(name);
      continue;
    }
    const std::string text = AK_TRY(readSmall(*size, kMaxPax - extended.bytes));
    extended.bytes += text.size();
    if (flag == 'x') {
      AK_TRY(readPax(text, extended));
    }
    // Global headers carry comments (git archive); what they say about members is not honoured by
    // the image tools either.
  }
  return std::nullopt;
}

Result<std::optional<TarEntry>> TarReader::finishEntry(std::string_view header, Extended extended) {
  const char flag = header[kTarTypeFlag.offset];
  if (flag == 'S') {
    return sparse();
  }
  const std::optional<TarType> type = typeOf(flag);
  if (!type) {
    return fail(ErrorCode::Unsupported,
                cat("the archive has a member of unknown type ", printable({&flag, 1})));
  }
  const auto mode = tarNumber(header, kTarMode);
  const auto uid = tarNumber(header, kTarUid);
  const auto gid = tarNumber(header, kTarGid);
  const auto size = tarNumber(header, kTarSize);
  const auto major = tarNumber(header, kTarMajor);
  const auto minor = tarNumber(header, kTarMinor);
  if (!mode || !size || (!uid && !extended.uid) || (!gid && !extended.gid)) {
    return malformed("a header's number is not one");
  }
  TarEntry entry;
  entry.type = *type;
  entry.path = extended.path ? std::move(*extended.path) : headerName(header);
  entry.link = extended.link ? std::move(*extended.link) : std::string(tarText(header, kTarLink));
  entry.mode = static_cast<std::uint32_t>(*mode & 07777U);
  entry.uid = extended.uid.value_or(uid.value_or(0));
  entry.gid = extended.gid.value_or(gid.value_or(0));
  // A time before 1970 in base-256 is legal and useless: 0.
  entry.modified_seconds = extended.modified_seconds.value_or(
      static_cast<std::int64_t>(tarNumber(header, kTarTime).value_or(0)));
  entry.modified_nanoseconds = extended.modified_nanoseconds;
  entry.device_major = major.value_or(0);
  entry.device_minor = minor.value_or(0);
  entry.xattrs = std::move(extended.xattrs);
  // v7 marks directories by the slash alone.
  if (entry.type == TarType::File && entry.path.ends_with('/')) {
    entry.type = TarType::Directory;
  }
  left_ = extended.size.value_or(*size);
  if (left_ > std::uint64_t{1} << 62U) {
    return malformed("an impossible size");
  }
  // Links of old archives repeat the size of their target without its content.
  if (entry.type == TarType::HardLink || entry.type == TarType::Symlink) {
    left_ = 0;
  }
  entry.size = entry.type == TarType::File ? left_ : 0;
  padding_ = (kTarBlock - left_ % kTarBlock) % kTarBlock;
  return entry;
}

}  // namespace ak::image
