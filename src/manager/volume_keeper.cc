#include "manager/volume_keeper.h"

#include <algorithm>

#include "base/text.h"
#include "manager/volume_directory.h"
#include "manager/writable_layer.h"

namespace ak::manager {

namespace {

std::unexpected<Error> notFound(std::string_view slug) {
  return fail(ErrorCode::NotFound, cat("Volume '", printable(slug), "' not found"),
              cat("Create it with: agentkernel volume create ", printable(slug)));
}

// The name of a directory of a volume that is being made or removed.
bool isUnfinished(std::string_view name) {
  return name.ends_with(kBeingMade) || name.ends_with(kBeingRemoved);
}

}  // namespace

net::Task<Status> VolumeKeeper::recover() {
  using Rows = std::vector<model::VolumeRecord>;
  Result<Rows> rows =
      co_await parts_.store_worker.run([this] { return parts_.store.volumes().load(); });
  if (!rows) {
    co_return std::unexpected(std::move(rows).error());
  }
  std::vector<Status> kept;
  Result<std::vector<std::string>> names = co_await parts_.workers.run([&] {
    for (const model::VolumeRecord& volume : *rows) {
      kept.push_back(keepVolumeDirectory(parts_.state_directory, volume.uuid));
    }
    return listVolumeDirectories(parts_.state_directory);
  });
  std::set<std::string> known;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    model::VolumeRecord& volume = (*rows)[i];
    if (!kept[i]) {
      parts_.log.error("volumes", cat("volume ", volume.slug, ": ", kept[i].error().message));
    }
    known.insert(volume.uuid);
    volumes_[volume.slug] = std::move(volume);
  }
  if (!names) {
    parts_.log.error("volumes", cat("looking for what was left: ", names.error().message));
    co_return Status();
  }
  for (std::string& name : *names) {
    if (isUnfinished(name)) {
      co_await removeDirectory(std::move(name));
    } else if (!known.contains(name)) {
      // Never a step of ours: a database that was lost or put back. What is in it may be all that
      // there is.
      parts_.log.error("volumes", cat("no volume has directory volumes/", printable(name),
                                      "; it is left as it is"));
    }
  }
  co_return Status();
}

const model::VolumeRecord* VolumeKeeper::byUuid(const model::VolumeMount& mount) const {
  const auto at = volumes_.find(mount.slug);
  return at != volumes_.end() && at->second.uuid == mount.uuid ? &at->second : nullptr;
}

Result<model::VolumeRecord> VolumeKeeper::find(std::string_view slug) const {
  const auto at = volumes_.find(slug);
  if (at == volumes_.end()) {
    return notFound(slug);
  }
  return at->second;
}

Result<std::vector<model::VolumeMount>> VolumeKeeper::resolve(
    std::vector<model::VolumeMount> mounts) const {
  if (!mounts.empty() && !parts_.backend.capabilities().volumes) {
    return fail(ErrorCode::Unsupported, cat("backend ", parts_.backend.name(), " has no volumes"),
                "Leave them out, or use the native backend.");
  }
  for (model::VolumeMount& mount : mounts) {
    mount.uuid = AK_TRY(find(mount.slug)).uuid;
  }
  return mounts;
}

Status VolumeKeeper::check(const std::vector<model::VolumeMount>& mounts) const {
  for (const model::VolumeMount& mount : mounts) {
    if (byUuid(mount) == nullptr) {
      return fail(ErrorCode::NotFound,
                  cat("Volume '", mount.slug, "' that this was made with is not there any more"),
                  "Make a new sandbox with volumes that there are: agentkernel volume list");
    }
  }
  return {};
}

Result<std::vector<model::BoxVolume>> VolumeKeeper::forBox(
    const std::vector<model::VolumeMount>& mounts) const {
  AK_TRY(check(mounts));
  std::vector<model::BoxVolume> volumes;
  for (const model::VolumeMount& mount : mounts) {
    Result<model::HostPath> directory = hostPathOf(volumePath(parts_.state_directory, mount.uuid));
    if (!directory) {
      Error error = std::move(directory).error();
      error.code = ErrorCode::Internal;
      error.remedy =
          "Its directory below the state directory was removed by another program: put it back, or "
          "make a new sandbox without it.";
      return std::unexpected(std::move(error).context(cat("volume '", mount.slug, "'")));
    }
    volumes.push_back({*std::move(directory), mount.path, mount.read_only});
  }
  return volumes;
}

void VolumeKeeper::used(const std::vector<model::VolumeMount>& mounts) {
  for (const model::VolumeMount& mount : mounts) {
    const auto at = volumes_.find(mount.slug);
    if (at != volumes_.end()) {
      at->second.last_used = parts_.clock.wall();
      at->second.mount_count += 1;
      unsaved_.insert(mount.slug);
    }
  }
}

net::Task<void> VolumeKeeper::saveStamps() {
  for (const std::string& slug : std::exchange(unsaved_, {})) {
    const Result<model::VolumeRecord> volume = find(slug);
    if (!volume) {
      continue;  // removed meanwhile
    }
    const Status saved = co_await parts_.store_worker.run(
        [this, &volume] { return parts_.store.volumes().saveUse(*volume); });
    if (!saved) {
      unsaved_.insert(slug);
      parts_.log.error("volumes",
                       cat("saving when ", slug, " was last used: ", saved.error().message));
    }
  }
}

std::vector<Volumes::User> VolumeKeeper::usersOf(const model::VolumeRecord& volume) const {
  std::vector<Volumes::User> users;
  const auto look = [&](const model::SandboxRecord& record, Volumes::User user) {
    for (const model::VolumeMount& mount : record.volumes) {
      if (mount.uuid == volume.uuid) {
        user.path = mount.path;
        user.read_only = mount.read_only;
        users.push_back(user);
      }
    }
  };
  for (const SandboxPtr& sandbox : parts_.table.byName()) {
    look(sandbox->record,
         {Volumes::User::Kind::Sandbox, sandbox->record.name, sandbox->status, {}, false});
  }
  for (const auto& [name, snapshot] : parts_.layers.snapshots) {
    look(snapshot.source,
         {Volumes::User::Kind::Snapshot, name, model::SandboxStatus::Stopped, {}, false});
  }
  return users;
}

net::Task<void> VolumeKeeper::untilEnded(std::string slug) const {
  for (const SandboxPtr& sandbox : parts_.table.all()) {
    const bool names = std::ranges::any_of(
        sandbox->record.volumes, [&](const model::VolumeMount& it) { return it.slug == slug; });
    while (names && !sandbox->durable && sandbox->enders != 0 &&
           parts_.table.findByUuid(sandbox->record.uuid) != nullptr) {
      co_await sandbox->changed.wait();
    }
  }
}

Result<std::uint32_t> VolumeKeeper::reserve(const std::string& slug) {
  if (volumes_.contains(slug) || reserved_.contains(slug)) {
    return fail(ErrorCode::AlreadyExists, cat("a volume named '", slug, "' exists"),
                "Use it, or choose another name: agentkernel volume list");
  }
  const std::uint32_t project = freeProject();
  reserved_[slug] = project;
  return project;
}

void VolumeKeeper::release(const std::string& slug) {
  reserved_.erase(slug);
}

void VolumeKeeper::add(model::VolumeRecord volume) {
  reserved_.erase(volume.slug);
  std::string slug = volume.slug;
  volumes_[std::move(slug)] = std::move(volume);
}

Result<model::VolumeRecord> VolumeKeeper::takeOut(std::string_view slug) {
  model::VolumeRecord volume = AK_TRY(find(slug));
  const std::vector<Volumes::User> users = usersOf(volume);
  if (!users.empty()) {
    constexpr std::size_t kMostNamed = 5;
    std::vector<std::string> names;
    for (const Volumes::User& user : users) {
      const bool snapshot = user.kind == Volumes::User::Kind::Snapshot;
      std::string name = cat(snapshot ? "snapshot " : "sandbox ", user.name);
      if (std::ranges::find(names, name) == names.end()) {
        names.push_back(std::move(name));
      }
    }
    const std::size_t more = names.size() - std::min(names.size(), kMostNamed);
    names.resize(names.size() - more);
    return fail(ErrorCode::Conflict,
                cat("volume '", volume.slug, "' is in use by ", join(names, ", "),
                    more == 0 ? "" : cat(" and ", more, " more")),
                "Remove what uses it first.");
  }
  if (keep_all_) {
    return fail(ErrorCode::Conflict,
                "the record of a sandbox or snapshot cannot be read, and may use the volume",
                "See: agentkernel daemon logs");
  }
  reserved_[volume.slug] = volume.project;
  unsaved_.erase(volume.slug);
  volumes_.erase(volume.slug);
  return volume;
}

std::uint32_t VolumeKeeper::freeProject() const {
  std::set<std::uint32_t> taken;
  for (const auto& [slug, volume] : volumes_) {
    taken.insert(volume.project);
  }
  for (const auto& [slug, project] : reserved_) {
    taken.insert(project);
  }
  std::uint32_t project = model::kFirstVolumeProject;
  while (taken.contains(project)) {
    ++project;
  }
  return project;
}

net::Task<void> VolumeKeeper::removeDirectory(std::string name) {
  Status removed = co_await parts_.workers.run(
      [this, &name] { return removeVolumeDirectory(parts_.state_directory, name); });
  if (!removed && removed.error().code == ErrorCode::PermissionDenied) {
    // A guest user's directory, which belongs to a subordinate id of ours.
    removed = co_await parts_.backend.removeFiles(volumePath(parts_.state_directory, name));
  }
  if (!removed) {
    parts_.log.error("volumes", cat("removing volumes/", name, ": ", removed.error().message));
  }
}

}  // namespace ak::manager
