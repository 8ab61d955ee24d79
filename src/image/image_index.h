#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace ak::image {

// What an image's configuration says about running it. From outside, bounded by its parser.
struct ImageConfig {
  std::vector<std::string> environment;
  std::string workdir;
  std::string user;
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  bool operator==(const ImageConfig&) const = default;
};

struct ImageRecord {
  std::vector<std::string> layers;  // 64 hex digits each, lowest first
  ImageConfig config;
  WallTime created_at{};
  bool operator==(const ImageRecord&) const = default;
};

// All images of a store: one JSON file, replaced atomically as a whole.
struct ImageIndex {
  std::map<std::string, ImageRecord, std::less<>> images;  // by digest, 64 hex digits
  std::map<std::string, std::string, std::less<>> names;   // "repository:tag" -> digest

  // Internal, naming the file, when it is damaged: never an empty index in its place.
  static Result<ImageIndex> load(int store_fd);
  Status save(int store_fd) const;

  std::vector<std::string> namesOf(std::string_view digest) const;
};

}  // namespace ak::image
