#include "model/box_codec_records.h"

namespace ak::model::codec {

TlvWriter write(const EnforcedLimit& limit) {
  TlvWriter out;
  out.bytes(1, limit.name).bytes(2, limit.by).bytesIf(3, limit.remedy);
  return out;
}

bool read(std::string_view text, EnforcedLimit& limit) {
  return eachField(text, [&](TlvReader& in) {
    switch (in.field()) {
      case 1:
        limit.name = in.string();
        break;
      case 2:
        limit.by = in.string();
        break;
      case 3:
        limit.remedy = in.string();
        break;
      default:
        break;
    }
    return true;
  });
}

TlvWriter write(const BoxStarted& started) {
  TlvWriter out;
  out.number(1, static_cast<std::uint32_t>(started.pid)).number(2, started.start_ticks);
  for (const EnforcedLimit& limit : started.limits) {
    out.record(3, write(limit));
  }
  out.numberIf(4, started.phases.mounts).numberIf(5, started.phases.clone);
  out.numberIf(6, started.phases.setup).numberIf(7, started.phases.claim);
  return out;
}

bool read(std::string_view text, BoxStarted& started) {
  return eachField(text, [&](TlvReader& in) {
    switch (in.field()) {
      case 1:
        started.pid = in.numberAs<std::int32_t>();
        break;
      case 2:
        started.start_ticks = in.number();
        break;
      case 3: {
        EnforcedLimit limit;
        return read(in.bytes(), limit) && append(started.limits, std::move(limit));
      }
      case 4:
        started.phases.mounts = in.numberAs<std::uint32_t>();
        break;
      case 5:
        started.phases.clone = in.numberAs<std::uint32_t>();
        break;
      case 6:
        started.phases.setup = in.numberAs<std::uint32_t>();
        break;
      case 7:
        started.phases.claim = in.numberAs<std::uint32_t>();
        break;
      default:
        break;
    }
    return true;
  });
}

TlvWriter write(const BoxExited& exited) {
  TlvWriter out;
  out.bytes(1, exited.id).number(2, static_cast<std::uint32_t>(exited.code));
  out.number(3, static_cast<std::uint32_t>(exited.signal)).number(4, exited.out_of_memory ? 1 : 0);
  return out;
}

bool read(std::string_view text, BoxExited& exited) {
  return eachField(text, [&](TlvReader& in) {
    switch (in.field()) {
      case 1:
        exited.id = in.string();
        break;
      case 2:
        exited.code = in.numberAs<std::int32_t>();
        break;
      case 3:
        exited.signal = in.numberAs<std::int32_t>();
        break;
      case 4:
        exited.out_of_memory = in.number() != 0;
        break;
      default:
        break;
    }
    return true;
  });
}

TlvWriter write(const BoxStats& stats) {
  TlvWriter out;
  out.number(1, stats.memory_bytes).number(2, stats.cpu_usec).number(3, stats.pids);
  return out;
}

bool read(std::string_view text, BoxStats& stats) {
  return eachField(text, [&](TlvReader& in) {
    switch (in.field()) {
      case 1:
        stats.memory_bytes = in.number();
        break;
      case 2:
        stats.cpu_usec = in.number();
        break;
      case 3:
        stats.pids = in.numberAs<std::uint32_t>();
        break;
      default:
        break;
    }
    return true;
  });
}

TlvWriter write(const Error& error) {
  TlvWriter out;
  out.bytes(1, errorCodeInfo(error.code).name).bytesIf(2, error.message);
  out.bytesIf(3, error.remedy).numberIf(4, static_cast<std::uint32_t>(error.sys_errno));
  return out;
}

bool read(std::string_view text, Error& error) {
  return eachField(text, [&](TlvReader& in) {
    switch (in.field()) {
      case 1:
        error.code = errorCodeFromName(in.bytes());
        break;
      case 2:
        error.message = in.string();
        break;
      case 3:
        error.remedy = in.string();
        break;
      case 4:
        error.sys_errno = in.numberAs<std::int32_t>();
        break;
      default:
        break;
    }
    return true;
  });
}

}  // namespace ak::model::codec
