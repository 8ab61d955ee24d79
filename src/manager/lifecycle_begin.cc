// How sandboxes begin: made, started, started again.
#include <algorithm>

#include "base/text.h"
#include "manager/busy.h"
#include "manager/child_rules.h"
#include "manager/elsewhere.h"
#include "manager/inside.h"
#include "manager/lifecycle.h"
#include "manager/planner.h"
#include "manager/writable_layer.h"
#include "model/sandbox_state.h"
#include "net/to_its_end.h"

namespace ak::manager {

namespace {

constexpr std::uint32_t kInitLimitMs = 600'000;
constexpr int kTimedOut = 124;
// Of its output, for the message.
constexpr std::size_t kMaxInitWords = 2048;

Status refuseArchived(const model::SandboxRecord& record) {
  if (!record.lifetime.archived_at.empty()) {
    return fail(ErrorCode::Conflict, cat("sandbox '", record.name, "' is archived"),
                cat("Take it back first: agentkernel recover ", record.name));
  }
  return {};
}

}  // namespace

net::Task<Result<SandboxPtr>> Lifecycle::begin(const Plan& plan, BeginOptions options) {
  co_return co_await net::toItsEnd(beginNow(plan, std::move(options)));
}

net::Task<Status> Lifecycle::restart(SandboxPtr sandbox) {
  co_return co_await net::toItsEnd(restartNow(std::move(sandbox)));
}

net::Task<Result<SandboxPtr>> Lifecycle::beginNow(const Plan& plan, BeginOptions options) {
  auto sandbox = std::make_shared<Sandbox>(foundation_.executor);
  model::SandboxRecord& record = sandbox->record;
  const WallTime now = foundation_.clock.wall();
  record.uuid = model::makeUuid(now, foundation_.random);
  record.name = options.name.empty() ? freshName() : options.name;
  record.image = plan.image.reference;
  record.image_digest = plan.image.digest;
  record.backend = foundation_.backend.name();
  record.permissions = plan.permissions;
  record.environment = plan.environment;
  record.workdir = plan.workdir;
  record.user = plan.user;
  record.workspace_path = plan.workspace_path;
  record.workspace_masks = plan.workspace.masks;
  record.protected_paths = plan.protected_paths;
  record.init_script = plan.init_script;
  record.volumes = AK_CO_TRY(volumes_.resolve(plan.volumes));
  record.ports = plan.ports;
  record.one_shot = options.one_shot;
  record.created_at = now;
  record.vsock_cid = options.durable ? takeCid() : 0;
  record.created_from_template = std::move(options.notes.created_from_template);
  record.template_help_text = std::move(options.notes.template_help_text);
  record.labels = std::move(options.notes.labels);
  record.description = std::move(options.notes.description);
  record.lifetime = model::lifetimeFrom(now, options.notes.ttl_seconds, options.notes.lifecycle);
  sandbox->durable = options.durable;
  timekeeper_.meet(*sandbox);
  AK_CO_TRY(table_.add(sandbox));
  const Busy busy(sandbox);
  const Status begun = co_await beginBox(sandbox, plan, options);
  if (!begun) {
    co_await forget(sandbox);
    co_return std::unexpected(begun.error());
  }
  announce(*sandbox, {{"profile", std::string(model::name(record.permissions.profile)), {}}});
  publish(event_type::kStarted, *sandbox);
  co_return sandbox;
}

net::Task<Result<SandboxPtr>> Lifecycle::reserveStopped(model::SandboxRecord record) {
  const WallTime now = foundation_.clock.wall();
  record.uuid = model::makeUuid(now, foundation_.random);
  record.created_at = now;
  record.created_as.clear();
  record.vsock_cid = takeCid();
  record.lifetime = model::lifetimeFrom(now, std::nullopt, {});
  auto sandbox = std::make_shared<Sandbox>(foundation_.executor);
  sandbox->record = std::move(record);
  sandbox->durable = true;
  timekeeper_.meet(*sandbox);
  AK_CO_TRY(volumes_.check(sandbox->record.volumes));
  AK_CO_TRY(table_.add(sandbox));
  const Busy busy(sandbox);
  Result<model::IdRange> ids = foundation_.ids.take();
  Status made = ids ? Status() : std::unexpected(ids.error());
  if (made) {
    sandbox->record.ids = *ids;
    made = co_await foundation_.workers.run(
        [this, &sandbox] { return makeWritableLayer(directoryOf(sandbox->record.uuid)); });
  }
  if (!made) {
    co_await abandonStopped(sandbox);
    co_return std::unexpected(made.error());
  }
  co_return sandbox;
}

net::Task<Status> Lifecycle::beginBox(const SandboxPtr& sandbox,
                                      const Plan& plan,
                                      const BeginOptions& options) {
  const Status reserved = co_await reserve(sandbox, sandbox->record.permissions.limits);
  AK_CO_TRY(reserved);
  sandbox->record.ids = AK_CO_TRY(foundation_.ids.take());
  if (sandbox->durable) {
    const Status kept = co_await foundation_.store_worker.run([this, &sandbox]() -> Status {
      AK_TRY(makeWritableLayer(directoryOf(sandbox->record.uuid)));
      return foundation_.store.insert(sandbox->record);
    });
    AK_CO_TRY(kept);
  }
  const Status started = co_await startBox(sandbox, plan, options);
  AK_CO_TRY(started);
  const Status filled = co_await injectFiles(*sandbox, plan);
  AK_CO_TRY(filled);
  co_await tellDeadline(sandbox);
  const Status initialised = co_await runInitScript(*sandbox);
  AK_CO_TRY(initialised);
  co_return co_await save(*sandbox);
}

net::Task<Status> Lifecycle::startBox(const SandboxPtr& sandbox,
                                      const Plan& plan,
                                      const BeginOptions& options) {
  model::SandboxRecord& record = sandbox->record;
  record.epoch += 1;
  record.agent_key.assign(wire::kKeySize, '\0');
  foundation_.random.fill(
      {reinterpret_cast<unsigned char*>(record.agent_key.data()), record.agent_key.size()});
  backend::StartRequest request;
  request.id = record.uuid;
  request.hostname = record.name;
  request.permissions = record.permissions;
  request.root = plan.image.root;
  request.root.read_only = record.permissions.read_only_root;
  request.image_key = plan.image.digest;
  request.ids = record.ids;
  request.workspace = plan.workspace;
  // A durable layer is found again by its path; a descriptor would hold its mount after the end.
  request.workspace.want_changes_fd = options.want_changes && !sandbox->durable;
  request.volumes = AK_CO_TRY(volumes_.forBox(record.volumes));
  request.one_shot = !sandbox->durable;
  request.may_pool = options.may_pool && !sandbox->durable;
  request.agent_key = record.agent_key;
  request.rules = AK_CO_TRY(childRules(record));
  request.runtime_directory = runtimeOf(record.uuid);
  if (sandbox->durable) {
    AK_CO_TRY(saveFreeze({foundation_.state_directory, record.uuid, record.freezing}));
    record.freezing.clear();
    request.root.writable = AK_CO_TRY(writableLayerOf(directoryOf(record.uuid)));
    request.root.frozen = AK_CO_TRY(frozenHostPaths(foundation_.state_directory, record.layers));
    request.workspace.frozen =
        AK_CO_TRY(frozenHostPaths(foundation_.state_directory, record.workspace_layers));
  }
  // First: what is most likely to be refused, and costs nothing to give back.
  std::vector<forward::HostPort> ports = AK_CO_TRY(ports_.bind(*sandbox));
  Result<backend::Started> started = co_await foundation_.backend.start(std::move(request));
  if (!started) {
    co_return std::unexpected(std::move(started).error());
  }
  adopt(*sandbox, std::move(*started));
  volumes_.used(record.volumes);
  ports_.open(sandbox, std::move(ports));
  if (sandbox->durable) {
    Result<OutputLog> log = OutputLog::open(directoryOf(record.uuid));
    if (log) {
      sandbox->log = std::move(*log);
    }
  }
  co_return Status{};
}

// With the sandbox's environment, in its working directory.
net::Task<Status> Lifecycle::runInitScript(Sandbox& sandbox) {
  if (sandbox.record.init_script.empty()) {
    co_return Status{};
  }
  InsideCommand command;
  command.argv = initCommand(sandbox.record.init_script);
  command.directory = sandbox.record.workdir;
  command.limit_ms = kInitLimitMs;
  const auto ended_meanwhile = [&sandbox] {
    return fail(ErrorCode::Conflict,
                cat("'", sandbox.record.name, "' was ended before its init script had"));
  };
  if (sandbox.enders != 0) {
    co_return ended_meanwhile();
  }
  auto started = co_await startInside(*sandbox.agent, std::move(command));
  sandbox.init_script = AK_CO_TRY(std::move(started));
  if (sandbox.enders != 0) {  // who came while it was being started found nothing to kill
    co_await killInside(*sandbox.init_script);
  }
  auto done = co_await finishInside(*sandbox.init_script);
  sandbox.init_script.reset();
  if (sandbox.enders != 0) {
    co_return ended_meanwhile();
  }
  const Ran ran = AK_CO_TRY(std::move(done));
  if (sandbox.log) {
    sandbox.log->append(ran.output);
    sandbox.notify();
  }
  if (ran.code != 0) {
    const std::string_view said = trim(ran.output);
    co_return fail(ErrorCode::InvalidArgument,
                   cat("the init script of '", sandbox.record.name, "' ended with code ", ran.code,
                       said.empty() ? " and said nothing" : ": ",
                       said.substr(said.size() - std::min(said.size(), kMaxInitWords))),
                   ran.code == kTimedOut
                       ? "It has ten minutes; what takes longer belongs into the image."
                       : "Nothing was started; mend the script and try again.");
  }
  co_return Status{};
}

void Lifecycle::adopt(Sandbox& sandbox, backend::Started started) {
  sandbox.record.pid = started.box.pid;
  sandbox.record.start_ticks = started.box.start_ticks;
  sandbox.record.limits = started.box.limits;
  sandbox.record.ids = started.ids;
  sandbox.record.boot_id = boot_id_;
  sandbox.record.stop_reason.clear();
  sandbox.agent = std::move(started.agent);
  sandbox.process = std::move(started.process);
  sandbox.changes = std::move(started.changes);
  sandbox.told_end.clear();
  sandbox.from_pool = started.from_pool;
  sandbox.status = model::SandboxStatus::Running;
}

net::Task<Status> Lifecycle::injectFiles(const Sandbox& sandbox, const Plan& plan) {
  for (const model::FileInjection& file : plan.files) {
    wire::FileRequest request;
    request.path = file.path;
    request.mode = file.mode;
    request.parents = true;
    const auto written =
        co_await channel::writeFile(*sandbox.agent, std::move(request), file.content);
    if (!written) {
      Error error = written.error();
      co_return std::unexpected(std::move(error).context(cat("putting ", file.path, " in place")));
    }
  }
  co_return Status{};
}

net::Task<Status> Lifecycle::restartNow(SandboxPtr sandbox) {
  co_await settled(sandbox);
  AK_CO_TRY(refuseRemoved(*sandbox));
  AK_CO_TRY(refuseArchived(sandbox->record));
  AK_CO_TRY(refuseElsewhere(*sandbox));
  const Busy busy(sandbox);
  if (sandbox->status == model::SandboxStatus::Unknown) {
    // Never a second box beside one that may live.
    const Status known = co_await reachAgain(sandbox);
    AK_CO_TRY(known);
  }
  if (sandbox->status == model::SandboxStatus::Running) {
    co_return Status{};
  }
  co_return co_await startAgain(sandbox);
}

net::Task<Status> Lifecycle::startAgain(const SandboxPtr& sandbox) {
  AK_CO_TRY(model::startableHere(sandbox->record));
  Result<Plan> plan = co_await foundation_.workers.run(
      [this, record = sandbox->record] { return planFromRecord(record, foundation_.images); });
  if (!plan) {
    co_return std::unexpected(std::move(plan).error());
  }
  const Status reserved = co_await reserve(sandbox, sandbox->record.permissions.limits);
  AK_CO_TRY(reserved);
  sandbox->record.image_digest = plan->image.digest;  // an imported one had none
  sandbox->record.one_shot = false;  // whoever starts it again wants it for more than its command
  sandbox->record.lifetime.dormant_at.clear();
  sandbox->record.lifetime.dormant_reason.clear();
  timekeeper_.touch(*sandbox);
  BeginOptions options;
  options.durable = true;
  co_await jobs_.settle(sandbox);  // again, if a full disk did not take their ends when it stopped
  Status started = co_await startBox(sandbox, *plan, options);
  if (started) {
    co_await tellDeadline(sandbox);
    started = co_await runInitScript(*sandbox);
    if (started) {
      started = co_await save(*sandbox);  // what is not on record the next daemon would end
    }
    if (!started) {
      const Status ended = co_await endBox(*sandbox);
      AK_CO_TRY(ended);  // it runs, and says so
    }
  }
  if (!started) {
    markStopped(*sandbox, started.error().message);
    const Status saved = co_await save(*sandbox);
    AK_CO_TRY(saved);
  }
  if (started) {
    publish(event_type::kStarted, *sandbox);
  }
  co_return started;
}

}  // namespace ak::manager
