#include "base/text.h"
#include "base/tlv.h"
#include "image/reference.h"
#include "image/tar_extended.h"
#include "image/tar_reader.h"
#include "image/unpack.h"

namespace ak::image {

namespace {

enum Field : std::uint32_t {
  kErrorName = 1,
  kErrorText,
  kErrorRemedy,
  kErrorErrno,
  kDiffId,
  kBlobDigest,
  kBlobBytes,
  kBytes,
  kEntries,
  kOpaque,
  kNote,
  kComplete
};

constexpr std::size_t kMaxText = 16 * 1024;

std::string bounded(std::string_view text) {
  return printable(text.substr(0, kMaxText));
}

}  // namespace

std::string encodeUnpackOutcome(const Result<UnpackResult>& outcome) {
  TlvWriter out;
  if (!outcome) {
    const Error& error = outcome.error();
    out.bytes(kErrorName, errorCodeInfo(error.code).name)
        .bytes(kErrorText, error.message)
        .bytes(kErrorRemedy, error.remedy)
        .number(kErrorErrno, static_cast<std::uint64_t>(error.sys_errno));
    return std::move(out).take();
  }
  out.bytes(kDiffId, outcome->diff_id)
      .bytes(kBlobDigest, outcome->blob_digest)
      .number(kBlobBytes, outcome->blob_bytes)
      .number(kBytes, outcome->bytes)
      .number(kEntries, outcome->entries)
      .number(kComplete, outcome->complete ? 1 : 0);
  for (const std::string& path : outcome->opaque) {
    out.bytes(kOpaque, path);
  }
  for (const std::string& note : outcome->notes) {
    out.bytes(kNote, note);
  }
  return std::move(out).take();
}

Result<UnpackResult> decodeUnpackOutcome(std::string_view text) {
  UnpackResult result;
  Error error;
  bool failed = false;
  bool bad = false;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case kErrorName:
        failed = true;
        error.code = errorCodeFromName(in.bytes());
        break;
      case kErrorText:
        error.message = bounded(in.bytes());
        break;
      case kErrorRemedy:
        error.remedy = bounded(in.bytes());
        break;
      case kErrorErrno:
        error.sys_errno = in.numberAs<int>();
        break;
      case kDiffId:
        result.diff_id = in.string();
        break;
      case kBlobDigest:
        result.blob_digest = in.string();
        break;
      case kBlobBytes:
        result.blob_bytes = in.number();
        break;
      case kBytes:
        result.bytes = in.number();
        break;
      case kEntries:
        result.entries = in.number();
        break;
      case kComplete:
        result.complete = in.number() == 1;
        break;
      case kOpaque:
        result.opaque.push_back(in.string());
        bad = bad || result.opaque.back().size() > kMaxTarName;
        break;
      case kNote:
        result.notes.push_back(bounded(in.bytes()));
        break;
      default:
        break;
    }
  }
  if (in.ok() && failed) {
    return std::unexpected(std::move(error));
  }
  if (!in.ok() || bad || !isDigestHex(result.diff_id) || !isDigestHex(result.blob_digest)) {
    return fail(ErrorCode::Protocol, "the unpack helper answered nonsense");
  }
  return result;
}

}  // namespace ak::image
