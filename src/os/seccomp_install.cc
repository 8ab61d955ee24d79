#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "os/seccomp.h"

// Apart from the compiler, so that the launcher and its static child do not link libseccomp.
namespace ak::os {

int installSeccomp(const void* program, std::size_t size) {
  sock_fprog filter{};
  filter.len = static_cast<unsigned short>(size / sizeof(sock_filter));
  filter.filter = static_cast<sock_filter*>(const_cast<void*>(program));
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0 ? 0 : errno;
}

}  // namespace ak::os
