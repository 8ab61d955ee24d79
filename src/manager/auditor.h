#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include "audit/event.h"
#include "audit/log.h"
#include "audit/redact.h"
#include "base/clock.h"
#include "manager/manager.h"
#include "manager/witness.h"
#include "net/event.h"

namespace ak::manager {

class CommandRecord;

// Says in the audit log's terms what the manager was asked for and what became of it. On the loop,
// but for log(). References outlive it.
class Auditor final : public Witness {
 public:
  // Without a log ([audit] enabled = false) nothing is recorded.
  Auditor(net::Executor executor,
          std::unique_ptr<audit::Log> log,
          audit::Redactor redactor,
          const Clock& clock);

  // Whether anything may be done now ([audit] on_failure = "refuse").
  Status ready() { return log_ ? log_->ready() : Status(); }

  audit::Log* log() const { return log_.get(); }

  const audit::Redactor& redactor() const { return redactor_; }

  const Clock& clock() const { return clock_; }

  // An event about a sandbox: `key` is "sandbox" or, where the event is about nothing else, "name".
  audit::Event about(audit::Kind kind, const Caller& caller) const;
  void record(const audit::Event& event);

  // What could not be done, under the kind that its code asks for. `more` adds its keys.
  struct Refused {
    std::string_view operation;
    std::string sandbox;
    std::string uuid;
    const audit::RedactedCommand* command = nullptr;
    std::string path;
  };

  void refused(const Caller& caller, const Refused& what, const Error& error);

  void byItself(Deed deed, const model::SandboxRecord& record, std::string_view reason) override;
  void jobEnded(const model::SandboxRecord& record, const model::JobRecord& job) override;
  void couldNot(Deed deed, const model::SandboxRecord& record, const Error& error) override;

  // Writes `command_started` for commands that run longer than a second, so that not even a crash
  // hides them. Until it is cancelled.
  net::Task<void> watchCommands();

 private:
  friend class CommandRecord;

  std::unique_ptr<audit::Log> log_;
  audit::Redactor redactor_;
  const Clock& clock_;
  std::map<std::int64_t, std::string> users_;  // names of who may call
  std::list<CommandRecord*> running_;          // and not yet told, oldest first
  net::Event begun_;
};

// "web" as `sandbox` or `name`, and its uuid when that is known.
audit::Event& addSandbox(audit::Event& event,
                         std::string_view key,
                         std::string_view name,
                         std::string_view uuid);
// The names of KEY=VALUE entries: values of variables are mostly secrets.
std::vector<std::string> namesOf(const std::vector<std::string>& environment);
// The profile by its name; what it means, beside it.
audit::Event& addSecurity(audit::Event& event, const model::Permissions& permissions);

// One command, from its request to its end. Whatever becomes of it is recorded: a coroutine that is
// cancelled because its client left or the daemon ends takes this with it.
class CommandRecord {
 public:
  struct What {
    std::string_view operation;  // "run" or "exec"
    std::string sandbox;
    const std::vector<std::string>& command;
    const std::vector<std::string>& environment;
    bool terminal = false;
    bool one_shot = false;
    bool detached = false;
    bool as_root = false;
  };

  CommandRecord(Auditor& auditor, const Caller& caller, const What& what);
  ~CommandRecord();
  CommandRecord(const CommandRecord&) = delete;
  CommandRecord& operator=(const CommandRecord&) = delete;

  void started(const ExecSink::Started& started);
  // It goes on as this job; its end is told by the Witness.
  void left(const JobView& job, const std::string& uuid);
  void ended(const RunResult& result);
  void failed(const Error& error, const std::string& uuid);

  const std::string& sandbox() const { return sandbox_; }

 private:
  friend class Auditor;

  audit::Event event(audit::Kind kind) const;
  void stopWatching();

  Auditor& auditor_;
  const Caller caller_;
  const std::string_view operation_;
  std::string sandbox_;
  std::string uuid_;
  std::string image_;
  std::string profile_;
  audit::RedactedCommand command_;
  std::vector<std::string> variables_;  // names
  bool terminal_;
  bool one_shot_;
  bool detached_;
  bool as_root_;
  bool told_ = false;
  SteadyTime begun_;
  std::list<CommandRecord*>::iterator watched_;
};

}  // namespace ak::manager
