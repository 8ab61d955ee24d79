#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "guest/job.h"
#include "guest/stream.h"

namespace ak::guest {

// Service::Job (wire/job.h): all jobs of the sandbox, whoever is connected. At most wire::kMaxJobs.
class JobTable {
 public:
  // The answer to one Open. Streams refer to the table, which outlives them.
  Result<std::unique_ptr<Stream>> open(const Execution::Context& context,
                                       const wire::SandboxRules& rules,
                                       std::string_view request,
                                       StreamPort& port);

  // Some job runs, or has ended and nobody has been told so.
  bool wanted() const;
  // Once in each turn of the loop.
  void sweep();
  // The sandbox ends: gives up all jobs and hands their processes to `keep`.
  void release(const std::function<void(std::unique_ptr<Execution>)>& keep);

  // nullptr when there is no such job.
  Job* find(const std::string& id) const;

 private:
  Result<std::unique_ptr<Stream>> start(const Execution::Context& context,
                                        const wire::SandboxRules& rules,
                                        wire::JobRequest request,
                                        StreamPort& port);
  std::string list() const;

  std::map<std::string, std::unique_ptr<Job>> jobs_;
};

}  // namespace ak::guest
