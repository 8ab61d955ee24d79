#pragma once

#include <string>

#include "base/result.h"
#include "cli/output.h"
#include "client/client.h"
#include "client/daemon_start.h"
#include "env/environment.h"

namespace ak::cli {

// What every command works with.
class Context {
 public:
  explicit Context(env::Environment environment)
      : environment_(std::move(environment)), output_(environment_) {}

  const env::Environment& environment() const { return environment_; }

  Output& output() { return output_; }

  Result<client::DaemonPlace> daemonPlace() const { return client::findDaemonPlace(environment_); }

  // A connection to the daemon, started if need be.
  Result<client::Client> connect() const;

  // Hints when the daemon says that it is older than this program.
  void checkVersion(std::string_view daemon_version);

 private:
  env::Environment environment_;
  Output output_;
};

}  // namespace ak::cli
