#pragma once

#include <string>

#include "manager/auditor.h"

namespace ak::manager {

// One operation that is not a command, on its way into the audit log: exactly one event, whatever
// becomes of it; without a word from its owner it was interrupted.
class OperationRecord {
 public:
  struct What {
    audit::Kind kind;            // when it succeeds
    std::string_view operation;  // when it does not
    std::string sandbox;
    std::string uuid;
    std::string path;  // of a file
  };

  // With the sandbox's own name: `name` may have been its uuid.
  static What aboutSandbox(audit::Kind kind,
                           std::string_view operation,
                           const std::string& name,
                           const Result<SandboxView>& known);

  OperationRecord(Auditor& auditor, const Caller& caller, What what)
      : auditor_(auditor),
        caller_(caller),
        what_(std::move(what)),
        begun_(auditor.clock().steady()) {}

  ~OperationRecord() {
    if (!told_) {
      auditor_.record(event().text("outcome", "interrupted"));
    }
  }

  OperationRecord(const OperationRecord&) = delete;
  OperationRecord& operator=(const OperationRecord&) = delete;

  // Knows sandbox, uuid and path already; done() takes it back with the operation's own keys, and
  // adds how long it took.
  audit::Event event() const;

  void done(audit::Event event);

  void failed(const Error& error) {
    told_ = true;
    auditor_.refused(caller_, {what_.operation, what_.sandbox, what_.uuid, nullptr, what_.path},
                     error);
  }

  // Nothing was there to be done.
  void nothing() { told_ = true; }

 private:
  Auditor& auditor_;
  const Caller caller_;
  const What what_;
  const SteadyTime begun_;
  bool told_ = false;
};

}  // namespace ak::manager
