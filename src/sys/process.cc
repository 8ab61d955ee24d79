#include "sys/process.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "sys/file.h"

namespace ak::sys {

Result<OwnedFd> openPidFd(pid_t pid) {
  OwnedFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.valid()) {
    const int error = errno;
    if (error == ESRCH) {
      return fail(ErrorCode::NotFound, cat("no process ", pid));
    }
    return failErrno(error, "pidfd_open");
  }
  return fd;
}

Status signalPidFd(int pid_fd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pid_fd, signal, nullptr, 0) != 0) {
    const int error = errno;
    if (error == ESRCH) {
      return fail(ErrorCode::NotFound, "the process has ended");
    }
    return failErrno(error, "pidfd_send_signal");
  }
  return {};
}

Result<ProcessId> processId(pid_t pid) {
  const std::string stat = AK_TRY(readFile(cat("/proc/", pid, "/stat"), 4096));
  // The command name (field 2) may hold spaces and parentheses: count from the last ')'.
  const std::size_t end = stat.rfind(')');
  if (end == std::string::npos || end + 2 > stat.size()) {
    return fail(ErrorCode::Internal, "unreadable /proc/PID/stat");
  }
  const auto fields = split(std::string_view(stat).substr(end + 2), ' ');
  const auto ticks = fields.size() > 19 ? parseNumber<std::uint64_t>(fields[19]) : std::nullopt;
  if (!ticks) {
    return fail(ErrorCode::Internal, "unreadable /proc/PID/stat");
  }
  return ProcessId{pid, *ticks};
}

Result<OwnedFd> openProcess(const ProcessId& process) {
  OwnedFd fd = AK_TRY(openPidFd(process.pid));
  // The pidfd pins the pid only if the process was the right one after the open.
  const ProcessId now = AK_TRY(processId(process.pid));
  if (now != process) {
    return fail(ErrorCode::NotFound, cat("process ", process.pid, " is another one now"));
  }
  return fd;
}

Result<ExitStatus> waitPidFd(int pid_fd) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pid_fd), &info, WEXITED) != 0) {
    if (errno != EINTR) {
      return failErrno("waitid");
    }
  }
  return info.si_code == CLD_EXITED ? ExitStatus{info.si_status, 0} : ExitStatus{0, info.si_status};
}

Result<std::string> bootId() {
  const std::string text = AK_TRY(readFile("/proc/sys/kernel/random/boot_id", 128));
  return std::string(trim(text));
}

}  // namespace ak::sys
