#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "image/image_store.h"

// Helpers of this folder's tests.
namespace ak::image::testing {

class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ak-image-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }

  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  ~TempDirectory() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }

  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

inline void writeText(const std::string& path, std::string_view text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string readText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline bool exists(const std::string& path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}

inline ImageStore::Options storeOptions(const std::string& directory) {
  ImageStore::Options options;
  options.directory = directory;
  options.unpack_program = AK_BIN_DIR "/../tests/ak-unpack-test";
  return options;
}

inline std::unique_ptr<ImageStore> openStore(const ImageStore::Options& options) {
  Result<std::unique_ptr<ImageStore>> store = ImageStore::open(options);
  if (!store) {
    ADD_FAILURE() << store.error().message;
    std::abort();
  }
  return std::move(*store);
}

// The value, or a failed test that shows the error.
template <typename T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << errorCodeInfo(result.error().code).name << ": " << result.error().message;
    return T{};
  }
  return std::move(*result);
}

}  // namespace ak::image::testing
