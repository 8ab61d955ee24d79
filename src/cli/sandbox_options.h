#pragma once

#include <array>

#include "cli/command.h"
#include "cli/context.h"
#include "model/run_request.h"
#include "model/sandbox.h"

// Options of the commands that make a sandbox: `run` and `create`.
namespace ak::cli {

inline constexpr auto kSandboxOptions = std::to_array<OptionSpec>({
    {"image", 'i', Takes::Value, "IMAGE", "Root file system; without it: host, or by language"},
    {"profile", 'p', Takes::Value, "PROFILE", "Security profile (moderate)",
     "permissive,moderate,restrictive,custom"},
    {"network", 0, Takes::Value, "MODE", "none, or full for a real interface", "none,full"},
    {"no-network", 0, Takes::Nothing, "", "The same as --network none"},
    {"publish", 'P', Takes::Values, "[HOST:]PORT",
     "Publish a port of it on this machine, at HOST (a port, ADDR:PORT) or one that is chosen"},
    {"memory", 'm', Takes::Value, "SIZE", "Memory limit, such as 512mb or 2g"},
    {"cpus", 0, Takes::Value, "N", "Processor limit in cores, such as 2 or 0.5"},
    {"pids", 0, Takes::Value, "N", "Limit of processes and threads"},
    {"disk", 0, Takes::Value, "SIZE", "Limit of what may be written"},
    {"env", 'e', Takes::Values, "KEY[=VALUE]", "Set a variable, or pass on the one from here"},
    {"env-file", 0, Takes::Values, "FILE", "Read variables from a file, one in a line"},
    {"workdir", 'w', Takes::Value, "DIR", "Working directory in the sandbox"},
    {"user", 'u', Takes::Value, "USER", "User in the sandbox: name, uid or uid:gid"},
    {"file", 'f', Takes::Values, "SRC:DEST[:MODE]", "Put a file into the sandbox first"},
    {"init-script", 0, Takes::Value, "FILE", "Run a shell script inside after each start"},
    {"mount", 0, Takes::Value, "MODE", "The working directory at /workspace (cow)",
     "cow,rw,ro,none"},
    {"grant", 0, Takes::Values, "NAME",
     "Let --mount rw write a protected name too, such as .git (see SECURITY.md)"},
    {"config", 'c', Takes::Value, "FILE", "Project file to use instead of ./agentkernel.toml"},
    {"volume", 'v', Takes::Values, "SLUG:/PATH",
     "Show a volume there; with :ro behind it for reading only (agentkernel volume create)"},
    {"label", 'l', Takes::Values, "KEY=VALUE", "Label to find it by: agentkernel list --label"},
    {"description", 0, Takes::Value, "TEXT", "What it is for"},
    {"ttl", 0, Takes::Value, "TIME", "Remove the kept sandbox after that long, such as 8h"},
});

// The options of a command that makes a sandbox and has some of its own.
template <std::size_t N>
constexpr std::array<OptionSpec, kSandboxOptions.size() + N> withSandboxOptions(
    const std::array<OptionSpec, N>& own) {
  std::array<OptionSpec, kSandboxOptions.size() + N> all{};
  for (std::size_t i = 0; i < kSandboxOptions.size(); ++i) {
    all[i] = kSandboxOptions[i];
  }
  for (std::size_t i = 0; i < N; ++i) {
    all[kSandboxOptions.size() + i] = own[i];
  }
  return all;
}

// Everything that these options say, with the working directory and the project file. Reads the
// files that are to be put into the sandbox.
Status fillSandbox(Context& context, const Arguments& arguments, model::RunRequest& request);

// --memory, --cpus, --pids and --disk, those that are given.
Status fillLimits(const Arguments& arguments, model::AskedLimits& limits);
// "KEY=VALUE" words as labels, the later one of a key winning.
Result<model::Labels> parseLabels(const std::vector<std::string>& words);
// "1h" in seconds; InvalidArgument names the option.
Result<std::uint64_t> parseSeconds(std::string_view option, std::string_view word);

}  // namespace ak::cli
