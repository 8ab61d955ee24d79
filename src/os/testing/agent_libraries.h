#pragma once

#include <filesystem>
#include <string>
#include <vector>

// For tests that make images: the agent of a sanitizer build cannot be static, for clang has no
// such runtime, and so does not start in an image without libraries.
namespace ak::os::testing {

inline constexpr const char* kLibraryDirectory = "lib/x86_64-linux-gnu";

// What it loads, from /usr/lib/x86_64-linux-gnu; nothing in other builds.
inline std::vector<std::string> agentLibraries() {
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return {"ld-linux-x86-64.so.2", "libc.so.6",      "libm.so.6",      "libresolv.so.2",
          "libgcc_s.so.1",        "libstdc++.so.6", "libsodium.so.23"};
#else
  return {};
#endif
}

// Puts them below `root`, where ld.so(8) looks without a cache.
inline void addAgentLibraries(const std::filesystem::path& root) {
  const std::vector<std::string> libraries = agentLibraries();
  if (libraries.empty()) {
    return;
  }
  std::filesystem::create_directories(root / kLibraryDirectory);
  std::filesystem::create_symlink(kLibraryDirectory, root / "lib64");
  for (const std::string& library : libraries) {
    std::filesystem::copy_file(std::filesystem::path("/usr") / kLibraryDirectory / library,
                               root / kLibraryDirectory / library);
  }
}

}  // namespace ak::os::testing
