#include "image/tar_reader.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "image/tar_extended.h"
#include "image/tar_header.h"

namespace ak::image {

namespace {

// Before the first header was right: most likely somebody named another kind of file.
std::unexpected<Error> noArchive() {
  return fail(ErrorCode::Protocol, "it is not a tar archive",
              "Name a root directory, a root tar, an OCI layout or a docker-archive.");
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
      return have == 0 ? Result<bool>(false)
             : began_  ? malformedArchive("it ends within a member")
                       : noArchive();
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
    return malformedArchive("it ends within a header");
  }
  padding_ = (kTarBlock - size % kTarBlock) % kTarBlock;
  AK_TRY(skipPadding());
  return text;
}

Status TarReader::skipPadding() {
  std::array<char, kTarBlock> waste;
  if (padding_ != 0 && !AK_TRY(readBlock(std::span(waste).first(padding_)))) {
    return malformedArchive("it ends within a member");
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
    return malformedArchive("it ends within a member");
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

Result<std::optional<TarEntry>> TarReader::next() {
  std::array<char, 64 * 1024> waste;
  while (left_ != 0) {
    (void)AK_TRY(readContent(waste));
  }
  AK_TRY(skipPadding());
  TarExtended extended;
  while (!ended_) {
    std::array<char, kTarBlock> block;
    if (!AK_TRY(readBlock(block))) {
      if (extended.any) {
        return malformedArchive("it ends after an extended header");
      }
      ended_ = true;
      break;
    }
    const std::string_view header(block.data(), block.size());
    if (tarBlockIsZero(header)) {
      std::array<char, kTarBlock> second;
      complete_ = AK_TRY(readBlock(second));
      if (complete_ && !tarBlockIsZero({second.data(), second.size()})) {
        return malformedArchive("it has half an end");
      }
      ended_ = true;
      break;
    }
    if (!tarChecksumOk(header)) {
      return began_ ? malformedArchive("a header's checksum is wrong") : noArchive();
    }
    began_ = true;
    const char flag = header[kTarTypeFlag.offset];
    const auto size = tarNumber(header, kTarSize);
    if (!size) {
      return malformedArchive("a size is not a number");
    }
    if (!std::string_view("xgLK").contains(flag)) {
      return finishEntry(header, std::move(extended));
    }
    extended.any = true;
    if (flag == 'L' || flag == 'K') {
      // One byte more for the NUL that ends it.
      std::string name = AK_TRY(readSmall(*size, kMaxTarName + 1));
      name.resize(name.find('\0') == std::string::npos ? name.size() : name.find('\0'));
      AK_TRY(checkTarName(name));
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

Result<std::optional<TarEntry>> TarReader::finishEntry(std::string_view header,
                                                       TarExtended extended) {
  const char flag = header[kTarTypeFlag.offset];
  if (flag == 'S') {
    return sparseArchive();
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
    return malformedArchive("a header's number is not one");
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
    return malformedArchive("an impossible size");
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
