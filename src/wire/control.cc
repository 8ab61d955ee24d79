#include "wire/control.h"

#include "wire/fields.h"

namespace ak::wire {

std::string encode(const ControlRequest& request) {
  TlvWriter out;
  out.number(1, static_cast<std::uint8_t>(request.kind)).numberIf(2, request.grace_ms);
  if (request.deadline_ms) {
    out.number(3, *request.deadline_ms);
  }
  return std::move(out).take();
}

Result<ControlRequest> decodeControlRequest(std::string_view text) {
  ControlRequest request;
  std::uint8_t kind = 0;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        kind = in.numberAs<std::uint8_t>();
        break;
      case 2:
        request.grace_ms = in.numberAs<std::uint32_t>();
        break;
      case 3:
        request.deadline_ms = in.number();
        break;
      default:
        break;
    }
  }
  if (!in.ok() || kind == 0 || request.grace_ms > kMaxGraceMs ||
      request.deadline_ms.value_or(0) > kMaxDeadlineMs) {
    return malformed("control request");
  }
  if (kind > static_cast<std::uint8_t>(ControlRequest::Kind::Deadline)) {
    return fail(ErrorCode::Unsupported, "this agent does not know that control request");
  }
  request.kind = static_cast<ControlRequest::Kind>(kind);
  return request;
}

}  // namespace ak::wire
