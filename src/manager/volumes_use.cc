#include "manager/volumes_use.h"

#include <fcntl.h>

#include "base/text.h"
#include "manager/volume_directory.h"
#include "net/to_its_end.h"
#include "sys/file.h"

namespace ak::manager {

namespace {

// Below this a file system is all metadata.
constexpr std::uint64_t kLeastSize = std::uint64_t{1} << 20U;
// One row and one directory each, all of them looked at by every list.
constexpr std::size_t kMostVolumes = 10'000;

Status checkSize(std::uint64_t bytes) {
  if (bytes != 0 && bytes < kLeastSize) {
    return fail(ErrorCode::InvalidArgument, "a volume's size is at least 1 MiB",
                "Give more, or 0 for one without a limit.");
  }
  return {};
}

}  // namespace

// For tests of what a daemon's end leaves after each step.
void DaemonVolumes::step(std::string_view done) const {
  if (foundation_.at_step) {
    foundation_.at_step(done);
  }
}

net::Task<Result<Volumes::View>> DaemonVolumes::create(std::string slug, std::uint64_t size_bytes) {
  AK_CO_TRY(model::validateVolumeSlug(slug));
  AK_CO_TRY(checkSize(size_bytes));
  if (keeper_.all().size() >= kMostVolumes) {
    co_return fail(ErrorCode::Capacity, cat("there are ", kMostVolumes, " volumes"),
                   "Remove some: agentkernel volume list");
  }
  model::VolumeRecord volume;
  volume.project = AK_CO_TRY(keeper_.reserve(slug));
  volume.slug = std::move(slug);
  volume.size_bytes = size_bytes;
  co_return co_await net::toItsEnd(createNow(std::move(volume)));
}

net::Task<Result<Volumes::View>> DaemonVolumes::createNow(model::VolumeRecord volume) {
  volume.created_at = foundation_.clock.wall();
  volume.uuid = model::makeUuid(volume.created_at, foundation_.random);
  const Status made = co_await makeAndSave(volume);
  if (!made) {
    co_await keeper_.removeDirectory(cat(volume.uuid, kBeingMade));
    keeper_.release(volume.slug);
    co_return std::unexpected(made.error());
  }
  keeper_.add(volume);
  co_return View{std::move(volume), VolumeUsage{}, {}};
}

// The directory before the row: a row is a volume whose files are there. A crash before the row
// leaves a directory under a name that the next daemon removes; after it, one that it renames.
net::Task<Status> DaemonVolumes::makeAndSave(model::VolumeRecord& volume) {
  const std::string& state = foundation_.state_directory;
  const Result<std::string> path =
      co_await foundation_.workers.run([&] { return makeVolumeDirectory(state, volume.uuid); });
  if (!path) {
    co_return std::unexpected(path.error());
  }
  step("made");
  const Status limited = co_await limit(volume, *path);
  AK_CO_TRY(limited);
  const Status durable =
      co_await foundation_.workers.run([&] { return saveVolumeDirectory(state, volume.uuid); });
  AK_CO_TRY(durable);
  step("synced");
  const Status saved = co_await foundation_.store_worker.run(
      [&] { return foundation_.store.volumes().insert(volume); });
  AK_CO_TRY(saved);
  step("saved");
  Status named =
      co_await foundation_.workers.run([&] { return keepVolumeDirectory(state, volume.uuid); });
  if (!named) {
    const Status forgotten = co_await foundation_.store_worker.run(
        [&] { return foundation_.store.volumes().remove(volume.uuid); });
    if (!forgotten) {
      foundation_.log.error("volumes",
                            cat("forgetting ", volume.slug, " again: ", forgotten.error().message));
    }
    co_return named;
  }
  step("named");
  co_return Status();
}

net::Task<Status> DaemonVolumes::limit(model::VolumeRecord& volume, const std::string& path) {
  volume.limited_by = "none";
  if (volume.size_bytes == 0) {
    co_return Status();
  }
  backend::VolumeLimit wish{path, volume.size_bytes, volume.project};
  auto limited = co_await foundation_.backend.limitVolume(std::move(wish));
  volume.limited_by = AK_CO_TRY(std::move(limited));
  if (volume.limited_by == "loop") {
    co_return co_await foundation_.workers.run([&] { return prepareVolumeImage(path); });
  }
  co_return Status();
}

net::Task<Status> DaemonVolumes::remove(std::string slug) {
  co_return co_await net::toItsEnd(removeNow(std::move(slug)));
}

// The name before the row, and that before the files: the row is there as long as all of them are.
net::Task<Status> DaemonVolumes::removeNow(std::string slug) {
  co_await keeper_.untilEnded(slug);
  model::VolumeRecord volume = AK_CO_TRY(keeper_.takeOut(slug));
  const std::string& state = foundation_.state_directory;
  Status gone =
      co_await foundation_.workers.run([&] { return setVolumeAside(state, volume.uuid); });
  if (gone) {
    step("aside");
    gone = co_await foundation_.store_worker.run(
        [&] { return foundation_.store.volumes().remove(volume.uuid); });
  }
  if (!gone) {
    const Status back =
        co_await foundation_.workers.run([&] { return keepVolumeDirectory(state, volume.uuid); });
    if (!back) {
      foundation_.log.error("volumes", cat("keeping ", volume.slug, ": ", back.error().message));
    }
    keeper_.add(std::move(volume));
    co_return gone;
  }
  step("forgotten");
  // Its quota's number is free again after its files.
  co_await keeper_.removeDirectory(cat(volume.uuid, kBeingRemoved));
  keeper_.release(volume.slug);
  step("removed");
  co_return Status();
}

std::optional<VolumeUsage> DaemonVolumes::count(const model::VolumeRecord& volume,
                                                UsageBudget& budget) {
  const std::string path = volumePath(foundation_.state_directory, volume.uuid);
  const Result<sys::OwnedFd> data =
      sys::openPath(cat(path, "/", model::kVolumeData), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  const auto aid = data ? foundation_.backend.treeAid(data->get()) : nullptr;
  const Result<VolumeUsage> usage = usageOf(path, volume, aid.get(), budget);
  return usage ? std::optional(*usage) : std::nullopt;
}

net::Task<Volumes::View> DaemonVolumes::viewOf(model::VolumeRecord volume, UsageBudget& budget) {
  View view;
  view.usage = co_await foundation_.workers.run([&] { return count(volume, budget); });
  view.users = keeper_.usersOf(volume);
  view.volume = std::move(volume);
  co_return view;
}

net::Task<std::vector<Volumes::View>> DaemonVolumes::list() {
  std::vector<model::VolumeRecord> volumes;
  for (const auto& [slug, volume] : keeper_.all()) {
    volumes.push_back(volume);
  }
  UsageBudget budget;
  std::vector<View> views;
  for (model::VolumeRecord& volume : volumes) {
    views.push_back(co_await viewOf(std::move(volume), budget));
  }
  co_return views;
}

net::Task<Result<Volumes::View>> DaemonVolumes::get(std::string slug) {
  model::VolumeRecord volume = AK_CO_TRY(keeper_.find(slug));
  UsageBudget budget;
  co_return co_await viewOf(std::move(volume), budget);
}

}  // namespace ak::manager
