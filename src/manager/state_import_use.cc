#include "manager/state_import_use.h"

#include <algorithm>

#include "base/text.h"
#include "manager/foreign_state.h"

namespace ak::manager {

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

// Zero says nothing, and what no machine has is no wish.
model::AskedLimits limitsOf(const model::ReadState& state) {
  model::AskedLimits limits;
  if (state.memory_mb != 0 && state.memory_mb < (std::uint64_t{1} << 40U)) {
    limits.memory_bytes = std::max(state.memory_mb * kMiB, policy::kMinMemoryBytes);
  }
  if (state.vcpus != 0 && state.vcpus <= policy::kMaxCpuPercent / 100) {
    limits.cpu_percent = state.vcpus * 100;
  }
  return limits;
}

bool isOver(const model::SandboxRecord& record, const Clock& clock) {
  const auto end = parseTime(record.lifetime.expires_at);
  return end && *end < clock.wall();
}

}  // namespace

net::Task<Result<StateImported>> StateImport::import(StateImportRequest request) {
  const bool default_place = request.directory.empty();
  if (default_place) {
    request.directory = foundation_.state_directory;
  } else if (!request.directory.starts_with('/')) {
    co_return fail(ErrorCode::InvalidArgument, "the directory must be an absolute path");
  }
  auto read =
      co_await foundation_.workers.run([&request] { return readForeignState(request.directory); });
  std::vector<ForeignFile> files = AK_CO_TRY(std::move(read));
  StateImported result;
  result.dry_run = request.dry_run;
  for (ForeignFile& file : files) {
    if (!file.state) {
      co_await refuse(request, file, result);
      continue;
    }
    model::ReadState& state = *file.state;
    if (std::string why = reasonToSkip(state.record); !why.empty()) {
      result.skipped.push_back({state.record.name, std::move(why)});
      continue;
    }
    const Status taken = co_await takeOver(state, request.dry_run);
    if (!taken) {
      result.refused.push_back({file.file, taken.error().message, taken.error().remedy, ""});
      continue;
    }
    result.imported.push_back(
        {state.record.name, state.record.uuid, state.record.backend, std::move(state.notes)});
  }
  if (default_place && !request.dry_run) {
    const Status marked = co_await foundation_.workers.run(
        [this] { return markForeignStateSeen(foundation_.state_directory); });
    AK_CO_TRY(marked);
  }
  co_return result;
}

std::string StateImport::reasonToSkip(const model::SandboxRecord& record) const {
  const SandboxTable& table = lifecycle_.table();
  if (const SandboxPtr known = table.findByUuid(record.uuid)) {
    return known->record.name == record.name
               ? std::string("it is here already")
               : cat("it is here already, as '", known->record.name, "'");
  }
  return table.hasName(record.name) ? std::string("another sandbox has its name") : std::string();
}

net::Task<Status> StateImport::takeOver(model::ReadState& state, bool dry_run) {
  model::SandboxRecord& record = state.record;
  const std::string ours(foundation_.backend.name());
  if (record.backend.empty()) {
    record.backend = ours;
  }
  auto permissions = co_await planner_.planImport(limitsOf(state));
  record.permissions = AK_CO_TRY(std::move(permissions));
  // A time that cannot be read is shown and counts as now.
  record.created_at = parseTime(record.created_as).value_or(foundation_.clock.wall());
  record.stop_reason = "imported";
  if (record.backend != ours) {
    state.notes.push_back(cat("It is a sandbox of backend '", record.backend,
                              "', which is not in use here: kept, and never touched."));
  } else if (isOver(record, foundation_.clock)) {
    state.notes.push_back(
        cat("Its time to live is over: it goes in a minute, unless you say "
            "agentkernel extend-ttl ",
            record.name));
  }
  if (dry_run) {
    co_return Status{};
  }
  const auto taken = co_await lifecycle_.takeOver(record);
  co_return taken ? Status{} : Status(std::unexpected(taken.error()));
}

// What holds a secret is left where it is: a copy would be one more place to find it.
net::Task<void> StateImport::refuse(const StateImportRequest& request,
                                    const ForeignFile& file,
                                    StateImported& result) {
  const Error& why = file.state.error();
  StateImported::Refused refused{file.file, why.message, why.remedy, ""};
  if (!request.dry_run && !file.content.empty() && why.code != ErrorCode::Unsupported) {
    const Result<std::string> copy = co_await foundation_.workers.run(
        [this, &file] { return quarantine(foundation_.state_directory, file); });
    if (copy) {
      refused.kept_as = *copy;
    } else {
      refused.reason += cat("; it could not be copied either: ", copy.error().message);
    }
  }
  result.refused.push_back(std::move(refused));
}

}  // namespace ak::manager
