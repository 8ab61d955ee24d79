#include "guest/job_table.h"

#include <algorithm>

#include "base/text.h"
#include "guest/job_stream.h"
#include "guest/job_terminal.h"
#include "guest/simple_stream.h"

namespace ak::guest {

namespace {

std::unexpected<Error> unknown(const std::string& id) {
  return fail(ErrorCode::NotFound, cat("there is no job ", id, " in the sandbox"));
}

}  // namespace

Job* JobTable::find(const std::string& id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second.get();
}

Result<std::unique_ptr<Stream>> JobTable::open(const Execution::Context& context,
                                               const wire::SandboxRules& rules,
                                               std::string_view request,
                                               StreamPort& port) {
  using Kind = wire::JobRequest::Kind;
  wire::JobRequest decoded = AK_TRY(wire::decodeJobRequest(request));
  if (decoded.kind == Kind::List) {
    return answer(port, list());
  }
  if (decoded.kind == Kind::Start) {
    return start(context, rules, std::move(decoded), port);
  }
  Job* job = find(decoded.id);
  // What was forgotten can still be killed: it may have left processes behind.
  if (job == nullptr || (job->forgotten() && decoded.kind != Kind::Kill)) {
    return unknown(decoded.id);
  }
  switch (decoded.kind) {
    case Kind::Attach:
      return JobStream::open(*job, decoded.from, port);
    case Kind::Signal:
      job->signal(decoded.signal);
      return answer(port, {});
    case Kind::Type:
      return JobTerminalStream::open(*job, port);
    case Kind::Kill:
      return JobEndStream::open(*this, decoded, port);
    case Kind::Forget:
      if (!job->ended()) {
        return fail(ErrorCode::Conflict, cat("job ", decoded.id, " has not ended"));
      }
      job->forget();
      return answer(port, {});
    case Kind::Start:
    case Kind::List:
      break;
  }
  return unknown(decoded.id);
}

Result<std::unique_ptr<Stream>> JobTable::start(const Execution::Context& context,
                                                const wire::SandboxRules& rules,
                                                wire::JobRequest request,
                                                StreamPort& port) {
  if (jobs_.contains(request.id)) {
    return fail(ErrorCode::AlreadyExists, cat("there is a job ", request.id));
  }
  if (jobs_.size() >= wire::kMaxJobs) {
    return fail(ErrorCode::Capacity, cat("the sandbox has ", jobs_.size(), " detached commands"),
                "End some of them, with what they left running: agentkernel job kill NAME ID");
  }
  const std::string id = request.id;
  std::unique_ptr<Job> job = AK_TRY(Job::start(context, rules, std::move(request)));
  Job& started = *(jobs_[id] = std::move(job));
  return JobStream::open(started, {}, port);
}

std::string JobTable::list() const {
  std::vector<wire::JobSummary> all;
  for (const auto& [id, job] : jobs_) {
    if (!job->forgotten()) {
      all.push_back({id, static_cast<std::uint32_t>(job->pid()), job->ended()});
    }
  }
  return wire::encode(all);
}

bool JobTable::wanted() const {
  return std::ranges::any_of(jobs_, [](const auto& entry) { return !entry.second->forgotten(); });
}

void JobTable::sweep() {
  std::erase_if(jobs_, [](const auto& entry) { return entry.second->sweep(); });
}

void JobTable::release(const std::function<void(std::unique_ptr<Execution>)>& keep) {
  for (auto& [id, job] : jobs_) {
    keep(job->release());
  }
  jobs_.clear();
}

}  // namespace ak::guest
