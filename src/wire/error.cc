#include "wire/error.h"

#include "base/tlv.h"

namespace ak::wire {

std::string encodeError(const Error& error) {
  TlvWriter out;
  out.bytes(1, errorCodeInfo(error.code).name);
  out.bytesIf(2, std::string_view(error.message).substr(0, kMaxErrorText));
  out.bytesIf(3, std::string_view(error.remedy).substr(0, kMaxErrorText));
  return std::move(out).take();
}

Error decodeError(std::string_view text) {
  Error error;
  bool has_code = false;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        error.code = errorCodeFromName(in.bytes());
        has_code = true;
        break;
      case 2:
        error.message = std::string(in.bytes().substr(0, kMaxErrorText));
        break;
      case 3:
        error.remedy = std::string(in.bytes().substr(0, kMaxErrorText));
        break;
      default:
        break;
    }
  }
  if (!in.ok() || !has_code) {
    return Error::make(ErrorCode::Protocol, "the peer sent a malformed error");
  }
  return error;
}

}  // namespace ak::wire
