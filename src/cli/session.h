#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/detach_keys.h"
#include "client/stream.h"
#include "model/run_request.h"

// The CLI's half of a running command: standard streams, terminal and signals on one side, the
// upgraded stream on the other, in one poll loop without threads. Memory is bounded: while output
// cannot be written nothing is read from the daemon, while the daemon does not take input nothing
// is read from standard input.
namespace ak::cli {

enum class Use : bool { No, Yes };

struct SessionOptions {
  Use standard_input = Use::No;  // forward it to its end
  Use terminal = Use::No;        // raw mode, sizes
  // Instead of our own standard output and error: for --json. Called with the guest's bytes.
  std::function<void(bool is_error, std::string_view bytes)> capture;
  // Sees the bytes of the guest's standard error (with a terminal: of all) beside their way.
  std::function<void(std::string_view bytes)> overheard;
  // JSON text of the Started frame.
  std::function<void(std::string_view json)> started;
  // Called with each size that the guest is told.
  std::function<void(model::TerminalSize size)> resized;
  // Instead of sending signals to the guest, and of ending it: a session that goes on without us.
  // Typing these keys leaves it, a signal too.
  std::optional<DetachKeys> detach_keys;
};

struct SessionEnd {
  // JSON text of the Exit frame; empty when we left before the guest's end.
  std::string exit_json;
  int left_by_signal = 0;  // SIGINT and such pressed twice; SIGPIPE: the reader of the output left
  bool detached = false;   // by the detach keys, or since the terminal has hung up
};

// Until the command's end. An Error is the daemon's (Failed frame), the connection's, or of a
// write. SIGINT, SIGTERM, SIGHUP and SIGQUIT go to the guest; the same twice within two seconds,
// without a terminal, ends us at once: the daemon then ends the guest.
Result<SessionEnd> runSession(client::Stream& stream, SessionOptions options);

}  // namespace ak::cli
