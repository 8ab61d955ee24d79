#include "base/text.h"
#include "manager/busy.h"
#include "manager/lifecycle.h"

// An agent that has stopped answering, by a guest's doing or by a bug of ours, can neither keep the
// time of its commands nor end them. Its box can be ended from outside.
namespace ak::manager {

void Lifecycle::endIfSilent(SandboxPtr sandbox) {
  background_.spawn(endSilent(std::move(sandbox)));
}

net::Task<void> Lifecycle::endSilent(SandboxPtr sandbox) {
  const std::shared_ptr<channel::Agent> agent = sandbox->agent;
  if (agent == nullptr) {
    co_return;  // it has been stopped meanwhile
  }
  // Frozen for a copy it answers nothing, and is not to be blamed.
  Status answered;
  unsigned pauses = 0;
  do {
    co_await settled(sandbox);
    pauses = sandbox->pauses;
    answered = co_await agent->ping();
  } while (!answered && sandbox->pauses != pauses);
  if (answered || sandbox->agent != agent) {
    co_return;
  }
  const Status stopped =
      co_await stop(sandbox, cat("its agent stopped answering: ", answered.error().message));
  if (!stopped) {
    logFailure("stopping", *sandbox, stopped.error());
  } else {
    endedByItself(*sandbox);
  }
}

}  // namespace ak::manager
