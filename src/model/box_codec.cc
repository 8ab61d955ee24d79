#include "model/box_codec.h"

#include "base/text.h"
#include "base/tlv.h"
#include "model/box_codec_records.h"

namespace ak::model {

namespace {

using codec::eachField;
using codec::read;
using codec::write;

std::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::Protocol, cat("malformed ", what, " packet"));
}

bool isRequest(LauncherOp op) {
  return op >= LauncherOp::Hello && op <= LauncherOp::Thaw;
}

bool isReply(LauncherOp op) {
  return op == LauncherOp::Hello || (op >= LauncherOp::Exited && op <= LauncherOp::Done);
}

}  // namespace

Status validateBoxId(std::string_view id) {
  bool good = id.size() >= 8 && id.size() <= 64;
  for (const char c : id) {
    good = good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-');
  }
  if (!good) {
    return fail(ErrorCode::InvalidArgument,
                cat("box id '", printable(id), "' is not 8 to 64 of a-z, 0-9 and -"));
  }
  return {};
}

std::string encode(const LauncherRequest& request) {
  TlvWriter out;
  out.number(1, request.serial).numberIf(2, request.version).bytesIf(3, request.id);
  if (request.op == LauncherOp::Start || request.op == LauncherOp::Park) {
    out.record(4, write(request.spec));
  }
  if (request.op == LauncherOp::Start || request.op == LauncherOp::Claim) {
    out.record(5, write(request.identity));
  }
  if (request.op == LauncherOp::Resize) {
    out.record(6, write(request.limits));
  }
  for (const std::string& id : request.keep) {
    out.bytes(7, id);
  }
  return static_cast<char>(request.op) + std::move(out).take();
}

std::string encode(const LauncherReply& reply) {
  TlvWriter out;
  out.number(1, reply.serial).numberIf(2, reply.version);
  out.numberIf(3, static_cast<std::uint32_t>(reply.launcher_pid));
  for (const std::string& id : reply.live) {
    out.bytes(4, id);
  }
  for (const std::string& id : reply.parked) {
    out.bytes(5, id);
  }
  out.record(6, write(reply.started)).record(8, write(reply.stats));
  if (reply.op == LauncherOp::Exited) {
    out.record(7, write(reply.exited));
  }
  if (reply.op == LauncherOp::Failed) {
    out.record(9, write(reply.error));
  }
  out.record(10, write(reply.ids));
  for (const std::string& id : reply.removed) {
    out.bytes(11, id);
  }
  for (const EnforcedLimit& limit : reply.default_limits) {
    out.record(12, write(limit));
  }
  return static_cast<char>(reply.op) + std::move(out).take();
}

Result<LauncherRequest> decodeLauncherRequest(std::string_view packet) {
  LauncherRequest request;
  if (packet.empty()) {
    return malformed("request");
  }
  request.op = static_cast<LauncherOp>(packet.front());
  const bool good = isRequest(request.op) && eachField(packet.substr(1), [&](TlvReader& in) {
                      switch (in.field()) {
                        case 1:
                          request.serial = in.number();
                          break;
                        case 2:
                          request.version = in.numberAs<std::uint32_t>();
                          break;
                        case 3:
                          request.id = in.string();
                          break;
                        case 4:
                          return read(in.bytes(), request.spec);
                        case 5:
                          return read(in.bytes(), request.identity);
                        case 6:
                          return read(in.bytes(), request.limits);
                        case 7:
                          request.keep.push_back(in.string());
                          break;
                        default:
                          break;
                      }
                      return true;
                    });
  if (!good) {
    return malformed("request");
  }
  return request;
}

Result<LauncherReply> decodeLauncherReply(std::string_view packet) {
  LauncherReply reply;
  if (packet.empty()) {
    return malformed("reply");
  }
  reply.op = static_cast<LauncherOp>(packet.front());
  const bool good =
      isReply(reply.op) && eachField(packet.substr(1), [&](TlvReader& in) {
        switch (in.field()) {
          case 1:
            reply.serial = in.number();
            break;
          case 2:
            reply.version = in.numberAs<std::uint32_t>();
            break;
          case 3:
            reply.launcher_pid = in.numberAs<std::int32_t>();
            break;
          case 4:
            reply.live.push_back(in.string());
            break;
          case 5:
            reply.parked.push_back(in.string());
            break;
          case 6:
            return read(in.bytes(), reply.started);
          case 7:
            return read(in.bytes(), reply.exited);
          case 8:
            return read(in.bytes(), reply.stats);
          case 9:
            return read(in.bytes(), reply.error);
          case 10:
            return read(in.bytes(), reply.ids);
          case 11:
            reply.removed.push_back(in.string());
            break;
          case 12: {
            EnforcedLimit limit;
            return read(in.bytes(), limit) && codec::append(reply.default_limits, std::move(limit));
          }
          default:
            break;
        }
        return true;
      });
  if (!good) {
    return malformed("reply");
  }
  return reply;
}

}  // namespace ak::model
