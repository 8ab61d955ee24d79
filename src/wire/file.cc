#include "wire/file.h"

#include "wire/fields.h"

namespace ak::wire {

namespace {

constexpr std::size_t kMaxName = 255;

// Zigzag: times before 1970 exist.
std::uint64_t fromSigned(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return bits << 1U ^ (value < 0 ? ~std::uint64_t{0} : 0);
}

std::int64_t toSigned(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1U ^ ((value & 1U) != 0 ? ~std::uint64_t{0} : 0));
}

Status validatePath(std::string_view path) {
  if (path.empty() || path.front() != '/' || path.size() > kMaxPath || hasNul(path)) {
    return fail(ErrorCode::InvalidArgument,
                "a path in the sandbox is absolute, without NUL bytes, "
                "and at most 4095 bytes long");
  }
  return {};
}

}  // namespace

std::string encode(const FileRequest& request) {
  TlvWriter out;
  out.number(1, static_cast<std::uint8_t>(request.kind)).bytes(2, request.path);
  out.numberIf(3, request.offset).numberIf(4, request.length).numberIf(5, request.mode);
  if (request.has_owner) {
    out.number(6, request.uid).number(7, request.gid);
  }
  out.numberIf(8, request.parents ? 1 : 0).numberIf(9, request.recursive ? 1 : 0);
  out.numberIf(10, request.follow ? 1 : 0).bytesIf(11, request.target);
  return std::move(out).take();
}

Result<FileRequest> decodeFileRequest(std::string_view text) {
  FileRequest request;
  std::uint8_t kind = 0;
  bool has_uid = false;
  bool has_gid = false;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        kind = in.numberAs<std::uint8_t>();
        break;
      case 2:
        request.path = in.string();
        break;
      case 3:
        request.offset = in.number();
        break;
      case 4:
        request.length = in.number();
        break;
      case 5:
        request.mode = in.numberAs<std::uint32_t>();
        break;
      case 6:
        request.uid = in.numberAs<std::uint32_t>();
        has_uid = true;
        break;
      case 7:
        request.gid = in.numberAs<std::uint32_t>();
        has_gid = true;
        break;
      case 8:
        request.parents = in.number() != 0;
        break;
      case 9:
        request.recursive = in.number() != 0;
        break;
      case 10:
        request.follow = in.number() != 0;
        break;
      case 11:
        request.target = in.string();
        break;
      default:
        break;
    }
  }
  if (!in.ok() || kind < static_cast<std::uint8_t>(FileRequest::Kind::Stat) ||
      kind > static_cast<std::uint8_t>(FileRequest::Kind::MakeLink) || has_uid != has_gid ||
      request.mode > 07777) {
    return malformed("file request");
  }
  request.kind = static_cast<FileRequest::Kind>(kind);
  request.has_owner = has_uid;
  AK_TRY(validatePath(request.path));
  const bool link = request.kind == FileRequest::Kind::MakeLink;
  if (link == request.target.empty() || request.target.size() > kMaxPath ||
      hasNul(request.target)) {
    return malformed("link target");
  }
  return request;
}

std::string encode(const FileInfo& info) {
  TlvWriter out;
  out.number(1, static_cast<std::uint8_t>(info.kind)).bytesIf(2, info.name);
  out.numberIf(3, info.size).numberIf(4, info.mode).numberIf(5, info.uid).numberIf(6, info.gid);
  out.numberIf(7, fromSigned(info.modified_ns)).bytesIf(8, info.link_target);
  return std::move(out).take();
}

Result<FileInfo> decodeFileInfo(std::string_view text) {
  FileInfo info;
  std::uint8_t kind = 0;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        kind = in.numberAs<std::uint8_t>();
        break;
      case 2:
        info.name = in.string();
        break;
      case 3:
        info.size = in.number();
        break;
      case 4:
        info.mode = in.numberAs<std::uint32_t>();
        break;
      case 5:
        info.uid = in.numberAs<std::uint32_t>();
        break;
      case 6:
        info.gid = in.numberAs<std::uint32_t>();
        break;
      case 7:
        info.modified_ns = toSigned(in.number());
        break;
      case 8:
        info.link_target = in.string();
        break;
      default:
        break;
    }
  }
  // A name with a slash would let a guest lead a host-side copy out of its directory.
  const bool bad_name = info.name.size() > kMaxName || info.name.contains('/') ||
                        hasNul(info.name) || info.name == "." || info.name == "..";
  if (!in.ok() || bad_name || kind < static_cast<std::uint8_t>(FileInfo::Kind::Regular) ||
      kind > static_cast<std::uint8_t>(FileInfo::Kind::Other) || info.mode > 07777 ||
      info.link_target.size() > kMaxPath) {
    return malformed("file information");
  }
  info.kind = static_cast<FileInfo::Kind>(kind);
  return info;
}

std::string encodeListingEntry(const FileInfo& info) {
  TlvWriter out;
  out.bytes(1, encode(info));
  return std::move(out).take();
}

Result<std::vector<FileInfo>> decodeListing(std::string_view text) {
  std::vector<FileInfo> entries;
  TlvReader in(text);
  while (in.next()) {
    if (in.field() != 1) {
      continue;
    }
    if (entries.size() >= kMaxListing) {
      return fail(ErrorCode::TooLarge, "the directory has too many entries to list");
    }
    entries.push_back(AK_TRY(decodeFileInfo(in.bytes())));
    if (entries.back().name.empty()) {
      return malformed("listing");
    }
  }
  if (!in.ok()) {
    return malformed("listing");
  }
  return entries;
}

}  // namespace ak::wire
