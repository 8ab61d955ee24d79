#include <fcntl.h>

#include <algorithm>

#include "backend/native/disk_image.h"
#include "backend/native/native_backend.h"
#include "base/text.h"
#include "model/volume.h"
#include "os/project_quota.h"
#include "sys/file.h"

namespace ak::backend {

namespace {

constexpr std::uint64_t kBytesPerInode = 8192;  // as in an image
constexpr std::uint64_t kLeastInodes = 128;

}  // namespace

// By the same means as the disk of a named sandbox (docs/adr/0010).
net::Task<Result<std::string>> NativeBackend::limitVolume(VolumeLimit limit) {
  const auto hello = co_await launcher_.hello();
  if (!hello) {
    co_return std::unexpected(hello.error());
  }
  if (hello->ids.count != 0) {
    co_return fail(ErrorCode::Unsupported, "a volume's size needs root (a loop device or a quota)",
                   "Leave --size out: without root a volume cannot be limited.");
  }
  const sys::OwnedFd data = AK_CO_TRY(sys::openPath(cat(limit.directory, "/", model::kVolumeData),
                                                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (os::enforcesProjectQuota(data.get())) {
    AK_CO_TRY(os::limitProject(data.get(), {limit.project, limit.bytes,
                                            std::max(limit.bytes / kBytesPerInode, kLeastInodes)}));
    co_return "project quota";
  }
  const Status formatted = co_await formatImage(executor_, limit.directory, limit.bytes);
  AK_CO_TRY(formatted);
  co_return "loop";
}

}  // namespace ak::backend
