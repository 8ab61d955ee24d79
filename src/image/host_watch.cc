#include "image/host_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace ak::image {

namespace {

constexpr std::chrono::seconds kTrusted{2};

constexpr std::uint32_t kChanges = IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                   IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_DONT_FOLLOW;

}  // namespace

HostWatch::HostWatch(const std::string& host_root, const std::vector<HostInput>& inputs)
    : events_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      end_(std::chrono::steady_clock::now() + kTrusted) {
  bool all = events_.valid() && watch(host_root);
  for (const HostInput& input : inputs) {
    // Of what is not there its nearest directory tells when it comes.
    std::string path = input.path;
    while (all && !path.empty() && !watch(cat(host_root, "/", path))) {
      all = errno == ENOENT || errno == ENOTDIR;
      path.resize(path.find('/') == std::string::npos ? 0 : path.rfind('/'));
    }
  }
  if (!all) {
    events_.reset();
  }
}

bool HostWatch::watch(const std::string& path) {
  return ::inotify_add_watch(events_.get(), path.c_str(), kChanges) >= 0;
}

bool HostWatch::quiet() {
  alignas(inotify_event) char event[sizeof(inotify_event) + 256];
  if (events_.valid() && (std::chrono::steady_clock::now() >= end_ ||
                          ::read(events_.get(), event, sizeof event) >= 0 || errno != EAGAIN)) {
    events_.reset();
  }
  return events_.valid();
}

}  // namespace ak::image
