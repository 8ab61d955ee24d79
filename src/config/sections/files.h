#pragma once

#include "config/section_reader.h"

namespace ak::config {

// [[files]]: put into the sandbox before the command starts.
struct FileEntry {
  Setting<std::string> source;       // relative to the directory of the configuration file
  Setting<std::string> destination;  // absolute in the sandbox; policy/injection_target.h checks it
  std::uint32_t mode = 0644;
  bool operator==(const FileEntry&) const = default;
};

extern const SectionSpec kFilesSpec;
Status readFileEntry(const SectionReader& reader, std::vector<FileEntry>& out);

}  // namespace ak::config
