#include "daemon/daemon.h"

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <thread>

#include <boost/asio/signal_set.hpp>
#include <nlohmann/json.hpp>

#include "api/doctor_json.h"
#include "api/reply.h"
#include "api/router.h"
#include "audit/log.h"
#include "backend/native/native_backend.h"
#include "base/text.h"
#include "daemon/host_budget.h"
#include "daemon/instance_lock.h"
#include "daemon/log_file.h"
#include "image/image_store.h"
#include "manager/auditor.h"
#include "manager/daemon_manager.h"
#include "manager/host_doctor.h"
#include "manager/metered_manager.h"
#include "net/http_server.h"
#include "net/task_group.h"
#include "os/seccomp.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/unix_socket.h"

namespace ak::daemon {

namespace {

constexpr std::chrono::seconds kGrace{3};

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

std::string canonicalHome(const std::string& home) {
  const std::unique_ptr<char, Free> resolved(::realpath(home.c_str(), nullptr));
  return resolved ? resolved.get() : home;
}

LogFile::Bounds boundsOf(const config::LogSection& section) {
  LogFile::Bounds bounds;
  bounds.max_bytes = section.max_bytes ? section.max_bytes->value : bounds.max_bytes;
  bounds.max_files = section.max_files ? section.max_files->value : bounds.max_files;
  return bounds;
}

std::unique_ptr<manager::Auditor> makeAuditor(net::Executor executor,
                                              const env::Paths& paths,
                                              const std::optional<config::AuditSection>& section,
                                              const Clock& clock,
                                              const observe::Log& log) {
  const config::AuditSection said = section.value_or(config::AuditSection());
  if (said.enabled && !said.enabled->value) {
    return std::make_unique<manager::Auditor>(std::move(executor), nullptr, audit::Redactor(),
                                              clock);
  }
  audit::Log::Options options;
  options.path = paths.audit_log;
  options.head_path = paths.auditHead();
  options.max_bytes = said.max_bytes ? said.max_bytes->value : options.max_bytes;
  options.max_files = said.max_files ? said.max_files->value : options.max_files;
  if (said.on_failure && said.on_failure->value == config::AuditFailure::Refuse) {
    options.on_failure = audit::OnFailure::Refuse;
  }
  // What the owner wants hidden is unknown when the configuration cannot be read.
  audit::Redactor redactor = !section      ? audit::Redactor::everything()
                             : said.redact ? audit::Redactor(said.redact->value)
                                           : audit::Redactor();
  return std::make_unique<manager::Auditor>(std::move(executor),
                                            audit::Log::open(std::move(options), clock, log),
                                            std::move(redactor), clock);
}

observe::Level levelOf(const config::LogSection& section) {
  if (!section.level) {
    return observe::Level::Info;
  }
  switch (section.level->value) {
    case config::LogLevel::Debug:
      return observe::Level::Debug;
    case config::LogLevel::Info:
      return observe::Level::Info;
    case config::LogLevel::Warning:
      return observe::Level::Warning;
    case config::LogLevel::Error:
      return observe::Level::Error;
  }
  return observe::Level::Info;
}

// Everything that one daemon is made of, in the order in which each part stands on those before it.
struct House {
  explicit House(const Options& daemon_options)
      : options(daemon_options), workers(4), store_worker(1), beside(loop.executor()) {}

  Status build();
  net::Task<Status> open();
  net::Task<void> close();

  const Options& options;
  SystemClock clock;
  sys::KernelRandom random;
  net::Loop loop;
  net::WorkerPool workers;
  net::WorkerPool store_worker;
  std::optional<InstanceLock> lock;
  std::unique_ptr<LogFile> log_file;
  observe::Log log;
  std::unique_ptr<manager::UserSettings> settings;
  std::optional<store::SandboxStore> store;
  std::unique_ptr<image::ImageStore> images;
  manager::IdRanges ids;
  std::unique_ptr<manager::Auditor> auditor;
  std::unique_ptr<manager::EventFeed> events;
  std::unique_ptr<backend::NativeBackend> backend;
  std::unique_ptr<manager::Planner> planner;
  std::unique_ptr<manager::Foundation> foundation;
  std::unique_ptr<manager::DaemonManager> manager;
  observe::Metrics metrics;
  std::unique_ptr<manager::MeteredManager> metered;
  std::unique_ptr<manager::SettingsDesk> desk;
  std::unique_ptr<manager::HostDoctor> doctor;
  std::unique_ptr<api::Router> router;
  std::unique_ptr<net::HttpServer> server;
  std::unique_ptr<net::Event> stop;
  net::TaskGroup beside;
  bool stopping = false;
};

Status House::build() {
  const env::Paths& paths = options.paths;
  const sys::OwnedFd state = AK_TRY(sys::makePrivateDirectory(paths.state));
  AK_TRY(sys::makePrivateDirectory(cat(paths.state, "/sandboxes"), 0711));
  AK_TRY(sys::makePrivateDirectory(cat(paths.state, "/layers"), 0711));
  AK_TRY(sys::makePrivateDirectory(cat(paths.state, "/volumes")));
  AK_TRY(sys::makePrivateDirectory(paths.runtime));
  AK_TRY(sys::makePrivateDirectory(cat(paths.runtime, "/b")));
  lock = AK_TRY(InstanceLock::take(state.get()));
  log_file = AK_TRY(LogFile::open(cat(paths.state, "/daemon.log"), clock));
  settings = std::make_unique<manager::UserSettings>(paths.user_config, paths.trust_file);
  // A broken configuration does not keep the daemon down: it must say so to every caller.
  const auto current = settings->current();
  const config::UserConfig config = current ? (*current)->config : config::UserConfig{};
  log_file->bound(boundsOf(config.log));
  log =
      observe::Log([this](observe::Level level, std::string_view component,
                          std::string_view message) { log_file->write(level, component, message); },
                   levelOf(config.log));
  if (!current) {
    log.error("config", current.error().message);
  }
  if (env::nonEmpty(env::processEnvironment(), "AGENTKERNEL_AUDIT")) {
    log.warning("audit", "AGENTKERNEL_AUDIT has no effect: see [audit] in the user configuration");
  }
  auditor = makeAuditor(loop.executor(), paths,
                        current ? std::optional(config.audit) : std::nullopt, clock, log);
  store = AK_TRY(store::SandboxStore::open(cat(paths.state, "/state.db")));
  image::ImageStore::Options image_options;
  image_options.directory = cat(paths.state, "/images");
  image_options.unpack_program = cat(options.program_directory, "/agentkerneld");
  images = AK_TRY(image::ImageStore::open(std::move(image_options)));

  backend::NativeOptions native;
  native.agent_program = cat(options.program_directory, "/ak-agent");
  native.launcher_program = cat(options.program_directory, "/ak-launcher");
  native.runtime_directory = paths.runtime;
  native.sandboxes_directory = cat(paths.runtime, "/b");
  native.base_filter = AK_TRY(os::compileAgentSeccomp());
  native.pool_size = config::poolSize(config.pool);
  native.pool_max = config::poolMax(config.pool);
  native.take_ids = [this] { return ids.take(); };
  native.return_ids = [this](const model::IdRange& range) { ids.give(range); };
  native.log = &log;
  backend = std::make_unique<backend::NativeBackend>(loop.executor(), std::move(native));

  manager::Planner::Options planning;
  planning.paths = paths;
  planning.canonical_home = canonicalHome(paths.home);
  planner = std::make_unique<manager::Planner>(workers, *images, *settings, std::move(planning));
  events = std::make_unique<manager::EventFeed>(loop.executor(), clock, random);
  foundation = std::make_unique<manager::Foundation>(
      manager::Foundation{loop.executor(), workers, store_worker, clock, random, *backend, *images,
                          *store, ids, log, paths.state, paths.runtime,
                          hostBudget(paths.state, config.limits), auditor.get(), events.get()});
  manager = std::make_unique<manager::DaemonManager>(*foundation, *planner);
  metered = std::make_unique<manager::MeteredManager>(*manager, metrics, clock);
  desk = std::make_unique<manager::SettingsDesk>(workers, *settings, paths, clock);
  manager::HostDoctor::Parts parts{workers, *settings, paths, backend.get(), auditor.get()};
  doctor = std::make_unique<manager::HostDoctor>(std::move(parts));
  stop = std::make_unique<net::Event>(loop.executor());
  return {};
}

net::Task<Status> House::open() {
  auditor->record(
      auditor->about(audit::Kind::DaemonStarted, manager::Caller()).text("version", AK_VERSION));
  beside.spawn(auditor->watchCommands());
  const Status recovered = co_await manager->recover();
  AK_CO_TRY(recovered);
  api::Context context{*metered,
                       *auditor,
                       *doctor,
                       *desk,
                       metrics,
                       *events,
                       *images,
                       workers,
                       clock,
                       {backend.get()},
                       [this] {
                         stopping = true;
                         stop->notifyAll();
                       },
                       clock.steady(),
                       options.paths.state,
                       foundation->budget.sandboxes};
  router = std::make_unique<api::Router>(std::move(context));
  net::HttpOptions http;
  http.common_headers = cat("Agentkernel-Version: ", AK_VERSION, "\r\n");
  server = std::make_unique<net::HttpServer>(loop.executor(), *router, std::move(http));
  const std::string path = options.paths.daemonSocket();
  sys::OwnedFd listener = AK_CO_TRY(sys::listenUnix(path, sys::SocketKind::Stream));
  server->listen(std::move(listener), net::SocketFamily::Unix);
  AK_CO_TRY(lock->publish(path));
  log.info("daemon", cat("version ", AK_VERSION, " listens on ", path));
  co_return Status{};
}

net::Task<void> House::close() {
  ::unlink(options.paths.daemonSocket().c_str());
  if (server) {
    co_await server->shutdown(kGrace);
  }
  beside.cancel();
  co_await beside.join();
  co_await manager->close();
  auditor->record(auditor->about(audit::Kind::DaemonStopped, manager::Caller()));
  log.info("daemon", "stopped");
}

void answerReady(const Options& options, std::string_view text) {
  if (options.ready_fd >= 0) {
    const sys::OwnedFd ready(options.ready_fd);
    (void)sys::writeAll(ready.get(), text);  // a starter that has gone needs no answer
  }
}

std::string describe(const Error& error) {
  return error.remedy.empty() ? error.message : cat(error.message, "\n", error.remedy);
}

net::Task<int> serve(House& house) {
  boost::asio::signal_set signals(house.loop.executor(), SIGTERM, SIGINT);
  signals.async_wait([&house](const boost::system::error_code& error, int) {
    if (!error) {
      house.stopping = true;
      house.stop->notifyAll();
    }
  });
  const Status opened = co_await house.open();
  answerReady(house.options, opened ? "\n" : describe(opened.error()));
  if (!opened) {
    house.log.error("daemon", opened.error().message);
  }
  while (opened && !house.stopping) {
    co_await house.stop->wait();
  }
  signals.cancel();
  co_await house.close();
  co_return opened ? 0 : 1;
}

}  // namespace

int runDaemon(const Options& options) {
  ::umask(0077);
  std::signal(SIGPIPE, SIG_IGN);
  raiseDescriptorLimit();
  House house(options);
  if (const Status built = house.build(); !built) {
    answerReady(options, describe(built.error()));
    (void)sys::writeAll(STDERR_FILENO, cat("agentkerneld: ", describe(built.error()), "\n"));
    return 1;
  }
  return house.loop.runUntilDone(serve(house));
}

int printDoctor(const Options& options) {
  manager::UserSettings settings(options.paths.user_config, options.paths.trust_file);
  const nlohmann::json report =
      api::toJson(manager::checkHost(options.paths, settings, manager::Daemon::None));
  (void)sys::writeAll(STDOUT_FILENO, cat(api::dump(report), "\n"));
  return report.value("healthy", false) ? 0 : 1;
}

}  // namespace ak::daemon
