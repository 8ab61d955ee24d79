#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/session.h"
#include "model/run_request.h"

// What `run` and `exec` have in common: options, the session, how its end is told.
namespace ak::cli {

// Environment, working directory, user, timeout, terminal and standard input.
template <typename Request>
Status fillCommon(Context& context, const Arguments& arguments, Request& request);
extern template Status fillCommon(Context&, const Arguments&, model::RunRequest&);
extern template Status fillCommon(Context&, const Arguments&, model::ExecRequest&);

// TERM for a terminal of the guest, unless the entries say it.
void addTerminalType(Context& context, std::vector<std::string>& environment);

enum class Detach : bool { No, Yes };

struct GuestCall {
  std::string path;
  std::string body;  // JSON
  Use standard_input = Use::No;
  Use terminal = Use::No;
  Detach detach = Detach::No;
  Use json = Use::No;
  Use changes = Use::No;
  // The sandbox has no network unless the configuration says so: when the command fails and its
  // last words are those of a failed connect, a hint (on a terminal) names the option.
  Use network_hint = Use::No;
};

// Runs it to its end; the guest's exit status, or 128+n when we left by a signal.
Result<int> callGuest(Context& context, const GuestCall& call);

}  // namespace ak::cli
