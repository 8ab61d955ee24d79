#include "model/tree_codec.h"

#include "model/box_codec_records.h"

namespace ak::model {

std::string encode(const TreeRequest& request) {
  TlvWriter out;
  out.number(1, static_cast<std::uint64_t>(request.op)).bytesIf(2, request.path);
  return std::move(out).take();
}

std::string encode(const TreeReply& reply) {
  TlvWriter out;
  out.number(1, reply.found ? 1 : 0);
  if (reply.error) {
    out.record(2, codec::write(*reply.error));
  }
  return std::move(out).take();
}

Result<TreeRequest> decodeTreeRequest(std::string_view packet) {
  TreeRequest request;
  const bool good = codec::eachField(packet, [&](TlvReader& in) {
    if (in.field() == 1) {
      return codec::readEnum(in, TreeRequest::Op::Remove, request.op);
    }
    if (in.field() == 2) {
      request.path = in.string();
    }
    return true;
  });
  if (!good || request.op == TreeRequest::Op{}) {
    return fail(ErrorCode::Protocol, "malformed request for a file");
  }
  return request;
}

Result<TreeReply> decodeTreeReply(std::string_view packet) {
  TreeReply reply;
  const bool good = codec::eachField(packet, [&](TlvReader& in) {
    if (in.field() == 1) {
      reply.found = in.number() != 0;
    } else if (in.field() == 2) {
      return codec::read(in.bytes(), reply.error.emplace());
    }
    return true;
  });
  if (!good) {
    return fail(ErrorCode::Protocol, "malformed answer about a file");
  }
  return reply;
}

}  // namespace ak::model
