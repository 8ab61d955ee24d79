#include "image/host_view.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"
#include "base/tlv.h"
#include "crypto/sha256.h"
#include "image/directory.h"
#include "image/host_lookup.h"
#include "image/reference.h"
#include "sys/file.h"
#include "sys/process.h"

namespace ak::image {

namespace {

// Raised whenever buildSkeleton makes something else of the same inputs.
constexpr std::uint64_t kSkeletonVersion = 1;
constexpr const char* kMemoryFile = "host";
constexpr std::uint64_t kMaxSkeletonBytes = std::uint64_t{512} << 20U;
constexpr std::uint64_t kMaxSkeletonEntries = 100'000;

// The PATH of a box's base environment.
constexpr std::array<std::string_view, 6> kSearchPath = {
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};

// The boot is part of it: a skeleton is not waited for to reach the disk, so after a reboot it is
// made and compared anew.
Result<std::string> stampOf(const std::vector<HostInput>& inputs) {
  TlvWriter text;
  text.number(1, kSkeletonVersion).bytes(8, AK_TRY(sys::bootId()));
  for (const HostInput& input : inputs) {
    text.bytes(2, input.path)
        .number(3, input.device)
        .number(4, input.inode)
        .number(5, input.size)
        .number(6, static_cast<std::uint64_t>(input.modified_ns))
        .number(7, static_cast<std::uint64_t>(input.changed_ns));
  }
  return crypto::sha256Hex(text.text());
}

Result<model::HostPath> hostPath(int host_fd,
                                 const std::string& host_root,
                                 const std::string& name) {
  const struct stat info = AK_TRY(statEntry(host_fd, name));
  return model::HostPath{host_root == "/" ? "/" + name : cat(host_root, "/", name), info.st_dev,
                         info.st_ino};
}

}  // namespace

HostView::HostView(LayerStore& layers, std::string host_root, sys::OwnedFd store_fd)
    : layers_(layers), host_root_(std::move(host_root)), store_fd_(std::move(store_fd)) {}

Result<HostView::Current> HostView::current() {
  const std::lock_guard lock(mutex_);
  if (!host_fd_.valid()) {
    host_fd_ = AK_TRY(sys::openPath(host_root_, O_RDONLY | O_DIRECTORY));
    AK_TRY(recall());
  }
  if (current_.layer.empty() || !upToDate()) {
    AK_TRY(rebuild());
  }
  return current_;
}

bool HostView::upToDate() {
  if (watch_.quiet()) {
    return true;
  }
  // Watched before they are compared: no change falls between the two.
  watch_ = HostWatch(host_root_, inputs_);
  return std::ranges::all_of(inputs_, [&](const HostInput& input) {
    return statHostInput(host_fd_.get(), input.path) == input;
  });
}

// Stamp and layer of the last rebuild; both empty when there was none.
Result<std::pair<std::string, std::string>> HostView::readMemory() const {
  const auto file = AK_TRY(sys::openAtIfExists(store_fd_.get(), kMemoryFile, O_RDONLY));
  if (!file) {
    return std::pair<std::string, std::string>();
  }
  const std::string text = AK_TRY(sys::readAll(file->get(), 1024));
  const auto words = split(trim(text), ' ');
  if (words.size() != 2 || !isDigestHex(words[0]) || !isDigestHex(words[1])) {
    return std::pair<std::string, std::string>();
  }
  return std::pair(std::string(words[0]), std::string(words[1]));
}

// The skeleton of an earlier process, if nothing changed since.
Status HostView::recall() {
  inputs_ = AK_TRY(listHostInputs(host_fd_.get()));
  const auto [stamp, layer] = AK_TRY(readMemory());
  if (stamp.empty() || stamp != AK_TRY(stampOf(inputs_))) {
    return {};
  }
  if (AK_TRY(layers_.find(layer))) {
    current_.layer = layer;
    current_.root = AK_TRY(assemble());
  }
  return {};
}

std::string HostView::remembered() {
  const std::lock_guard lock(mutex_);
  if (!current_.layer.empty()) {
    return current_.layer;
  }
  const auto memory = readMemory();
  return memory ? memory->second : std::string();
}

// An earlier boot's layer of the same content may have lost some of it in a power cut.
Result<bool> HostView::isWhole(const std::string& layer) const {
  if (const auto info = layers_.find(layer); !info || !*info) {
    return false;
  }
  const model::HostPath root = AK_TRY(layers_.root(layer));
  const sys::OwnedFd directory = AK_TRY(sys::openPath(root.path, O_RDONLY | O_DIRECTORY));
  return AK_TRY(digestTree(directory.get())) == layer;
}

// Whole by the rename, durable or not: readMemory() and the stamp see through the rest.
Status HostView::remember(const std::string& stamp, const std::string& layer) const {
  const std::string temporary = cat(kMemoryFile, ".new");
  sys::OwnedFd file = AK_TRY(
      sys::openAt(store_fd_.get(), temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  AK_TRY(sys::writeAll(file.get(), cat(stamp, " ", layer, "\n")));
  AK_TRY(file.close());
  if (::renameat(store_fd_.get(), temporary.c_str(), store_fd_.get(), kMemoryFile) != 0) {
    return failErrno("remembering the host image");
  }
  return {};
}

Status HostView::rebuild() {
  // Listed before they are read: a change during the copy makes the stamp stale, not wrong.
  std::vector<HostInput> inputs = AK_TRY(listHostInputs(host_fd_.get()));
  StagedLayer staged = AK_TRY(layers_.stage());
  CopyBudget budget{.bytes = kMaxSkeletonBytes, .entries = kMaxSkeletonEntries};
  Status built = buildSkeleton(host_fd_.get(), staged.root(), budget);
  if (!built) {
    return std::unexpected(std::move(built).error().context("making the host image"));
  }
  const std::string layer = AK_TRY(digestTree(staged.root()));
  if (!AK_TRY(isWhole(layer))) {
    AK_TRY(layers_.remove(layer));
    AK_TRY(layers_.publish(std::move(staged), layer, {budget.used_bytes, budget.used_entries},
                           Durability::Boot));
  }
  const std::string stamp = AK_TRY(stampOf(inputs));
  AK_TRY(remember(stamp, layer));
  inputs_ = std::move(inputs);
  watch_ = {};  // it knows nothing of inputs that are new
  current_.layer = layer;
  current_.root = AK_TRY(assemble());
  return {};
}

Result<model::BoxRoot> HostView::assemble() const {
  model::BoxRoot root;
  root.layers.push_back(AK_TRY(layers_.root(current_.layer)));
  for (const std::string& name : AK_TRY(hostBinds(host_fd_.get()))) {
    root.binds.push_back({AK_TRY(hostPath(host_fd_.get(), host_root_, name)), "/" + name});
  }
  return root;
}

bool HostView::hasCommand(std::string_view argv0) {
  if (argv0.empty() || argv0.contains('\0')) {
    return false;
  }
  const Result<Current> view = current();
  if (!view) {
    return false;  // resolve() reports why
  }
  const RootLookup lookup(view->root);
  if (argv0.contains('/')) {
    return argv0.starts_with('/') && lookup.runnable(argv0);
  }
  return std::ranges::any_of(kSearchPath, [&](std::string_view directory) {
    return lookup.runnable(cat(directory, "/", argv0));
  });
}

}  // namespace ak::image
