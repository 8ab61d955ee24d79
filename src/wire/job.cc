#include "wire/job.h"

#include <algorithm>

#include "wire/control.h"
#include "wire/fields.h"

namespace ak::wire {

namespace {

constexpr std::size_t kIdDigits = 8;
constexpr std::int32_t kMostSignal = 64;

void putOffsets(TlvWriter& out, std::uint32_t field, const JobOffsets& offsets) {
  out.numberIf(field, offsets.out).numberIf(field + 1, offsets.err);
}

bool inBounds(const JobOffsets& offsets) {
  return offsets.out <= kMaxJobOffset && offsets.err <= kMaxJobOffset;
}

// What a detached command cannot have, so that nothing of it is silently not there.
Status validateStart(const ExecRequest& exec) {
  if (exec.terminal == exec.close_stdin || exec.last) {
    return fail(ErrorCode::InvalidArgument,
                "a job has standard input with a terminal only, and not the sandbox for itself");
  }
  return {};
}

Status validate(const JobRequest& request) {
  if (request.kind != JobRequest::Kind::List && !isJobId(request.id)) {
    return fail(ErrorCode::InvalidArgument, "the id of a job is 8 hex digits");
  }
  if (!inBounds(request.from) || request.grace_ms > kMaxGraceMs) {
    return malformed("job request");
  }
  const bool signals = request.kind == JobRequest::Kind::Signal;
  if (request.signal > kMostSignal || signals != (request.signal != 0)) {
    return fail(ErrorCode::InvalidArgument, "a signal has a number from 1 to 64");
  }
  return {};
}

}  // namespace

bool isJobId(std::string_view id) {
  return id.size() == kIdDigits && std::ranges::all_of(id, [](char digit) {
           return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
         });
}

std::string encode(const JobRequest& request) {
  TlvWriter out;
  out.number(1, static_cast<std::uint8_t>(request.kind)).bytesIf(2, request.id);
  if (request.kind == JobRequest::Kind::Start) {
    out.bytes(3, encode(request.exec));
  }
  putOffsets(out, 4, request.from);  // 4 and 5
  out.numberIf(6, static_cast<std::uint32_t>(request.signal)).numberIf(7, request.grace_ms);
  return std::move(out).take();
}

Result<JobRequest> decodeJobRequest(std::string_view text) {
  JobRequest request;
  std::uint8_t kind = 0;
  std::string_view exec;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        kind = in.numberAs<std::uint8_t>();
        break;
      case 2:
        request.id = in.string();
        break;
      case 3:
        exec = in.bytes();
        break;
      case 4:
        request.from.out = in.number();
        break;
      case 5:
        request.from.err = in.number();
        break;
      case 6:
        request.signal = in.numberAs<std::int32_t>();
        break;
      case 7:
        request.grace_ms = in.numberAs<std::uint32_t>();
        break;
      default:
        break;
    }
  }
  if (!in.ok() || kind == 0) {
    return malformed("job request");
  }
  if (kind > static_cast<std::uint8_t>(JobRequest::Kind::Type)) {
    return fail(ErrorCode::Unsupported, "this agent does not know that request about a job");
  }
  request.kind = static_cast<JobRequest::Kind>(kind);
  AK_TRY(validate(request));
  if (request.kind == JobRequest::Kind::Start) {
    request.exec = AK_TRY(decodeExecRequest(exec));
    AK_TRY(validateStart(request.exec));
  }
  return request;
}

std::string encode(const JobAttached& attached) {
  TlvWriter out;
  out.number(1, attached.pid);
  putOffsets(out, 2, attached.from);  // 2 and 3
  out.bytesIf(4, attached.shell);
  return std::move(out).take();
}

Result<JobAttached> decodeJobAttached(std::string_view text) {
  JobAttached attached;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        attached.pid = in.numberAs<std::uint32_t>();
        break;
      case 2:
        attached.from.out = in.number();
        break;
      case 3:
        attached.from.err = in.number();
        break;
      case 4:
        attached.shell = in.string();
        break;
      default:
        break;
    }
  }
  if (!in.ok() || !inBounds(attached.from) || attached.shell.size() > kMaxPath ||
      hasNul(attached.shell)) {
    return malformed("attachment to a job");
  }
  return attached;
}

std::string encode(const JobAck& ack) {
  TlvWriter out;
  putOffsets(out, 1, ack.kept);  // 1 and 2
  return std::move(out).take();
}

Result<JobAck> decodeJobAck(std::string_view text) {
  JobAck ack;
  TlvReader in(text);
  while (in.next()) {
    if (in.field() == 1) {
      ack.kept.out = in.number();
    } else if (in.field() == 2) {
      ack.kept.err = in.number();
    }
  }
  if (!in.ok() || !inBounds(ack.kept)) {
    return malformed("acknowledgement of a job's output");
  }
  return ack;
}

std::string encode(const std::vector<JobSummary>& jobs) {
  TlvWriter out;
  for (const JobSummary& job : jobs) {
    TlvWriter entry;
    entry.bytes(1, job.id).number(2, job.pid).numberIf(3, job.ended ? 1 : 0);
    out.record(1, entry);
  }
  return std::move(out).take();
}

namespace {

Result<JobSummary> decodeSummary(std::string_view text) {
  JobSummary job;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        job.id = in.string();
        break;
      case 2:
        job.pid = in.numberAs<std::uint32_t>();
        break;
      case 3:
        job.ended = in.number() != 0;
        break;
      default:
        break;
    }
  }
  if (!in.ok() || !isJobId(job.id)) {
    return malformed("entry in a list of jobs");
  }
  return job;
}

}  // namespace

Result<std::vector<JobSummary>> decodeJobList(std::string_view text) {
  std::vector<JobSummary> jobs;
  TlvReader in(text);
  while (in.next()) {
    if (in.field() != 1) {
      continue;
    }
    JobSummary job = AK_TRY(decodeSummary(in.bytes()));
    const bool twice = std::ranges::find(jobs, job.id, &JobSummary::id) != jobs.end();
    if (twice || jobs.size() == kMaxJobs) {
      return malformed("list of jobs");
    }
    jobs.push_back(std::move(job));
  }
  if (!in.ok()) {
    return malformed("list of jobs");
  }
  return jobs;
}

}  // namespace ak::wire
