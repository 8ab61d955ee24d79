#include "manager/exec_request.h"

namespace ak::manager {

wire::ExecRequest execRequestOf(const model::SandboxRecord& record, model::ExecRequest request) {
  wire::ExecRequest exec;
  exec.argv = std::move(request.command);
  exec.environment = std::move(request.environment);
  exec.directory = request.workdir.empty() ? record.workdir : std::move(request.workdir);
  exec.user = request.sudo ? "0" : request.user.empty() ? record.user : std::move(request.user);
  exec.terminal = request.terminal;
  exec.window = {request.window.rows, request.window.columns};
  exec.close_stdin = !request.stdin_open;
  exec.timeout_ms = request.timeout ? static_cast<std::uint32_t>(request.timeout->count()) : 0;
  return exec;
}

}  // namespace ak::manager
