#include "manager/inside.h"

#include "manager/pump.h"

namespace ak::manager {

net::Task<Result<Ran>> runInside(channel::Agent& agent, InsideCommand command) {
  wire::ExecRequest request;
  request.argv = std::move(command.argv);
  request.directory = std::move(command.directory);
  request.user = "0";
  request.close_stdin = true;
  request.timeout_ms = command.limit_ms;
  auto started = co_await agent.exec(std::move(request));
  const std::unique_ptr<channel::ExecStream> exec = AK_CO_TRY(std::move(started));
  Ran ran;
  for (;;) {
    auto event = co_await exec->next();
    if (!event) {
      co_return std::unexpected(std::move(event).error());
    }
    if (event->kind == channel::ExecStream::Event::Kind::Exit) {
      ran.code = outcomeOf(event->exit).exit_code;
      if (ran.output.size() > kMaxInsideOutput) {
        ran.output.erase(0, ran.output.size() - kMaxInsideOutput);
      }
      co_return ran;
    }
    ran.output += event->data;
    if (ran.output.size() > 2 * kMaxInsideOutput) {
      ran.output.erase(0, ran.output.size() - kMaxInsideOutput);
    }
  }
}

}  // namespace ak::manager
