#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ak::image {

enum class TarType { File, HardLink, Symlink, CharDevice, BlockDevice, Directory, Fifo };

// One member of an archive, extended headers already applied. Names are as the archive has them.
struct TarEntry {
  TarType type = TarType::File;
  std::string path;
  std::string link;        // of links
  std::uint64_t size = 0;  // bytes of content that follow; 0 for all but files
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::uint32_t mode = 0;  // low 12 bits
  std::int64_t modified_seconds = 0;
  std::uint32_t modified_nanoseconds = 0;
  std::uint64_t device_major = 0;
  std::uint64_t device_minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;
};

}  // namespace ak::image
