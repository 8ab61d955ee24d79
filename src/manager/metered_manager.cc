#include "manager/metered_manager.h"

#include <array>

#include "base/clock.h"

namespace ak::manager {

namespace {

using observe::Metric;
using enum Metric::Kind;

// Families and buckets as other implementations of this API have them.
constexpr std::array<std::string_view, 2> kActionLabels = {"action", "backend"};
constexpr std::array<std::string_view, 1> kBackendLabels = {"backend"};
constexpr std::array<std::string_view, 2> kFailureLabels = {"action", "code"};
constexpr std::array<std::uint64_t, 11> kActionBounds = {
    10'000,    25'000,    50'000,    100'000,    250'000,   500'000,
    1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000};
constexpr std::array<std::uint64_t, 11> kCommandBounds = {
    10'000,    50'000,    100'000,    250'000,    500'000,   1'000'000,
    2'500'000, 5'000'000, 10'000'000, 30'000'000, 60'000'000};

constexpr Metric kActions{Counter,
                          "agentkernel_sandbox_lifecycle_total",
                          "Sandboxes created, started, stopped and removed.",
                          kActionLabels,
                          {}};
constexpr Metric kActionTime{Histogram, "agentkernel_sandbox_lifecycle_duration_seconds",
                             "How long that took.", kActionLabels, kActionBounds};
constexpr Metric kCommands{Counter,
                           "agentkernel_commands_total",
                           "Commands that ran to an end, whatever their exit status.",
                           kBackendLabels,
                           {}};
constexpr Metric kCommandTime{Histogram, "agentkernel_command_duration_seconds",
                              "How long they ran.", kBackendLabels, kCommandBounds};
constexpr Metric kFailures{Counter,
                           "agentkernel_failures_total",
                           "Operations that we failed, by error code.",
                           kFailureLabels,
                           {}};

std::chrono::microseconds micros(std::uint64_t value) {
  return std::chrono::microseconds(static_cast<std::int64_t>(value));
}

}  // namespace

void MeteredManager::happened(std::string_view action, std::chrono::nanoseconds took) {
  const std::string backend = inner_.overview().backend;
  metrics_.add(kActions, {action, backend});
  metrics_.observe(kActionTime, {action, backend}, took);
}

void MeteredManager::failed(std::string_view operation, const Error& error) {
  metrics_.add(kFailures, {operation, errorCodeInfo(error.code).name});
}

void MeteredManager::commandEnded(std::chrono::nanoseconds took) {
  const std::string backend = inner_.overview().backend;
  metrics_.add(kCommands, {backend});
  metrics_.observe(kCommandTime, {backend}, took);
}

template <typename T>
net::Task<Result<T>> MeteredManager::timed(std::string_view action, net::Task<Result<T>> work) {
  const SteadyTime begin = clock_.steady();
  Result<T> result = co_await std::move(work);
  if (result) {
    happened(action, clock_.steady() - begin);
  } else {
    failed(action, result.error());
  }
  co_return result;
}

net::Task<Result<RunResult>> MeteredManager::run(Caller caller,
                                                 model::RunRequest request,
                                                 ExecSink& sink) {
  const bool stays = request.keep || request.detach;
  const bool detached = request.detach;
  Result<RunResult> result = co_await inner_.run(caller, std::move(request), sink);
  if (!result) {
    failed("run", result.error());
    co_return result;
  }
  const Phases& phases = result->phases;
  happened("created", micros(phases.claimed - phases.resolved));
  if (!detached) {
    commandEnded(micros(phases.exited - phases.started));
  }
  if (!stays) {
    happened("removed", micros(phases.finished - phases.exited));
  }
  co_return result;
}

net::Task<Result<RunResult>> MeteredManager::exec(Caller caller,
                                                  std::string name,
                                                  model::ExecRequest request,
                                                  ExecSink& sink) {
  Result<RunResult> result =
      co_await inner_.exec(caller, std::move(name), std::move(request), sink);
  if (result) {
    commandEnded(micros(result->phases.exited - result->phases.started));
  } else {
    failed("exec", result.error());
  }
  co_return result;
}

net::Task<Result<SandboxView>> MeteredManager::create(Caller caller, model::RunRequest request) {
  return timed("created", inner_.create(caller, std::move(request)));
}

net::Task<Result<SandboxView>> MeteredManager::start(std::string name) {
  return timed("started", inner_.start(std::move(name)));
}

net::Task<Result<SandboxView>> MeteredManager::stop(std::string name) {
  return timed("stopped", inner_.stop(std::move(name)));
}

net::Task<Status> MeteredManager::remove(std::string name) {
  return timed("removed", inner_.remove(std::move(name)));
}

}  // namespace ak::manager
