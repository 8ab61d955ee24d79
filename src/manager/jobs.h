#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "manager/job_log.h"
#include "model/job.h"
#include "model/run_request.h"
#include "net/task.h"

namespace ak::manager {

struct Caller;

struct JobView {
  std::string sandbox;  // its name
  model::JobRecord record;
};

struct JobLogRequest {
  JobChannel channel = JobChannel::Stdout;
  std::uint64_t offset = 0;  // of the first byte wanted, counted from the job's start
};

struct JobOutput {
  std::string data;           // a line of ours stands where bytes are missing
  std::uint64_t missing = 0;  // how many are: dropped from the log, or never got into it
  std::uint64_t next = 0;     // the offset to go on from
};

class ExecSink;

// Takes a piece of a log; an error means that its reader is gone.
using JobSink = std::function<net::Task<Status>(std::string_view)>;

// Detached commands: they belong to the sandbox, outlive client and daemon, and are kept on record
// with the last 6 to 8 MiB of either stream until the sandbox is removed. A sandbox has at most
// wire::kMaxJobs of them; a new one takes the place of the oldest that has ended.
//
// Starting one is a use of the sandbox, and so is every moment that it runs; asking is none. A
// session is one while somebody has joined it, and whenever it prints: a shell that was left and
// forgotten keeps no sandbox from being stopped. All calls on the loop. Errors: NotFound for an
// unknown sandbox or job.
class Jobs {
 public:
  static constexpr std::chrono::milliseconds kGrace{2'000};

  virtual ~Jobs() = default;

  // On record before it is started. InvalidArgument for a terminal or standard input; Conflict for
  // a sandbox that does not run, or ends with its command; Capacity when too many run.
  virtual net::Task<Result<JobView>> start(Caller caller,
                                           std::string sandbox,
                                           model::ExecRequest request) = 0;
  // A session: a job with a terminal. Joins the one that is named, or starts one; tells the sink
  // when it is joined, shows it the end of what was shown before and then what comes, and passes on
  // what it types, until the session has ended: then how. Several may be joined; all see all, all
  // may type, and its size is the last that one of them has told. Who leaves leaves it running
  // (Cancelled); who is more than the log behind is told so and let go (Conflict), and who takes
  // nothing holds it up for a second at most. NotFound: no such session; Conflict: it has ended, or
  // is a job without a terminal, or the sandbox does not run; Unsupported: its agent is too old.
  virtual net::Task<Result<JobView>> attach(Caller caller,
                                            std::string sandbox,
                                            model::AttachRequest request,
                                            ExecSink& sink) = 0;
  // In the order of their starts.
  virtual net::Task<Result<std::vector<JobView>>> list(std::string sandbox) = 0;
  virtual net::Task<Result<JobView>> get(std::string sandbox, std::string id) = 0;
  // What is kept from the offset on.
  virtual net::Task<Result<JobOutput>> logs(std::string sandbox,
                                            std::string id,
                                            JobLogRequest request) = 0;
  // The same and then what comes, until the job has ended: then how. Cancelled when the reader
  // leaves.
  virtual net::Task<Result<JobView>> follow(std::string sandbox,
                                            std::string id,
                                            JobLogRequest request,
                                            JobSink sink) = 0;
  // To the process group of its main process; Conflict once that has ended.
  virtual net::Task<Result<JobView>> signal(std::string sandbox, std::string id, int signal) = 0;
  // SIGTERM to everything that it started, SIGKILL after `grace` (at most a minute); returns when
  // nothing is left. Of one that has ended it ends what was left running and changes no record.
  virtual net::Task<Result<JobView>> kill(std::string sandbox,
                                          std::string id,
                                          std::chrono::milliseconds grace) = 0;
};

}  // namespace ak::manager
