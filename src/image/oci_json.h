#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/image_index.h"

// The JSON documents of OCI layouts (image-spec v1.1: index.md, manifest.md, config.md) and of
// docker-archives, Docker's own media types included. Text from outside: at most kMaxImageJson, and
// every list and string bounded. Errors are Protocol ("malformed") or Unsupported.
namespace ak::image {

inline constexpr std::size_t kMaxImageJson = std::size_t{4} << 20U;

struct Descriptor {
  std::string media_type;
  std::string digest;  // 64 hex digits; other algorithms than sha256 are Unsupported
  std::uint64_t size = 0;
  std::string os, architecture;  // empty: not said
  std::string name;              // annotation org.opencontainers.image.ref.name, for messages

  bool isIndex() const;
};

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // lowest first
};

struct OciConfig {
  std::string os, architecture;
  std::vector<std::string> diff_ids;  // 64 hex digits, lowest first
  ImageConfig config;
};

struct DockerArchive {
  std::string config;               // file name
  std::vector<std::string> layers;  // file names, lowest first
};

Result<std::vector<Descriptor>> parseIndex(std::string_view text);
Result<Manifest> parseManifest(std::string_view text);
Result<OciConfig> parseConfig(std::string_view text);
// Of a manifest.json; Unsupported when it holds several images.
Result<DockerArchive> parseDockerManifest(std::string_view text);

// This machine's architecture as OCI calls it: amd64, arm64, ...
std::string_view machineArchitecture();

// The entry for linux on this machine, or the only one that does not say what it is for.
Result<Descriptor> choosePlatform(const std::vector<Descriptor>& entries);

}  // namespace ak::image
