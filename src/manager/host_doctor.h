#pragma once

#include <string>

#include "backend/backend.h"
#include "env/paths.h"
#include "manager/auditor.h"
#include "manager/doctor.h"
#include "manager/manager.h"
#include "manager/user_settings.h"
#include "net/loop.h"

namespace ak::manager {

// The checks of this host. Everything is found out by doing or by reading the kernel's own word.
class HostDoctor final : public Doctor {
 public:
  struct Parts {
    net::WorkerPool& workers;
    UserSettings& settings;
    env::Paths paths;
    backend::Backend* backend = nullptr;  // null: no daemon could start
    const Auditor* auditor = nullptr;     // likewise
  };

  explicit HostDoctor(Parts parts) : parts_(std::move(parts)) {}

  net::Task<std::vector<DoctorCheck>> check() override;

 private:
  Parts parts_;
};

// Without one, checks that a daemon answers better are made as far as files tell.
enum class Daemon : std::uint8_t { None, Runs };

// Ports that other machines can connect to: nobody has them unasked, and nobody should forget them.
std::vector<DoctorCheck> checkPorts(const std::vector<SandboxView>& sandboxes);

// The part that needs no daemon; `agentkerneld --doctor` prints it. Blocking.
std::vector<DoctorCheck> checkHost(const env::Paths& paths, UserSettings& settings, Daemon daemon);

}  // namespace ak::manager
