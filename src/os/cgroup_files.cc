#include "os/cgroup_files.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ak::os {

Status writeControl(int dir, const std::string& name, std::string_view text) {
  const sys::OwnedFd file = AK_TRY(sys::openAt(dir, name, O_WRONLY));
  if (::write(file.get(), text.data(), text.size()) < 0) {
    return failErrno(cat("writing ", name));
  }
  return {};
}

Result<std::string> readControlFile(int dir, const std::string& name) {
  const sys::OwnedFd file = AK_TRY(sys::openAt(dir, name, O_RDONLY));
  return sys::readAll(file.get(), 1024 * 1024);
}

std::string readControl(int dir, const std::string& name) {
  return readControlFile(dir, name).value_or("");
}

void eachChildGroup(int dir, const std::function<void(const std::string& name)>& use) {
  Result<sys::DirectoryReader> entries = sys::DirectoryReader::open(dir, ".");
  while (const dirent* entry = entries ? entries->next().value_or(nullptr) : nullptr) {
    if (entry->d_type == DT_DIR) {
      use(std::string(entry->d_name));
    }
  }
}

}  // namespace ak::os
