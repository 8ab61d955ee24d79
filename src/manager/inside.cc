#include "manager/inside.h"

#include "manager/pump.h"

namespace ak::manager {

net::Task<Result<std::unique_ptr<channel::ExecStream>>> startInside(channel::Agent& agent,
                                                                    InsideCommand command) {
  wire::ExecRequest request;
  request.argv = std::move(command.argv);
  request.directory = std::move(command.directory);
  request.user = "0";
  request.close_stdin = true;
  request.timeout_ms = command.limit_ms;
  co_return co_await agent.exec(std::move(request));
}

net::Task<Result<Ran>> finishInside(channel::ExecStream& command) {
  Ran ran;
  for (;;) {
    auto event = co_await command.next();
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

net::Task<void> killInside(channel::ExecStream& command) {
  wire::ExecControl kill;
  kill.kind = wire::ExecControl::Kind::Kill;
  (void)co_await command.control(kill);  // if the agent is gone, so is the command
}

net::Task<Result<Ran>> runInside(channel::Agent& agent, InsideCommand command) {
  auto started = co_await startInside(agent, std::move(command));
  const std::unique_ptr<channel::ExecStream> exec = AK_CO_TRY(std::move(started));
  co_return co_await finishInside(*exec);
}

}  // namespace ak::manager
