#include "image/oci_json.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "image/reference.h"

namespace ak::image {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxLayers = 500;  // overlayfs takes no more lower directories
constexpr std::size_t kMaxList = 4096;
constexpr std::size_t kMaxString = 128 * 1024;

// Thrown and caught in this file only: the parsers read like the documents.
struct Malformed {
  Error error;
};

[[noreturn]] void reject(ErrorCode code, std::string message) {
  throw Malformed{Error::make(code, std::move(message))};
}

std::string stringOr(const Json& object, const char* key, std::string fallback) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) {
    return fallback;
  }
  auto text = found->get<std::string>();
  if (text.size() > kMaxString || text.contains('\0')) {
    reject(ErrorCode::Protocol, cat(key, " is no sensible string"));
  }
  return text;
}

std::vector<std::string> stringsOr(const Json& object, const char* key) {
  std::vector<std::string> strings;
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) {
    return strings;
  }
  if (!found->is_array() || found->size() > kMaxList) {
    reject(ErrorCode::Protocol, cat(key, " is no sensible list"));
  }
  for (const Json& item : *found) {
    strings.push_back(item.get<std::string>());
    if (strings.back().size() > kMaxString || strings.back().contains('\0')) {
      reject(ErrorCode::Protocol, cat(key, " has no sensible strings"));
    }
  }
  return strings;
}

std::string digestHex(const std::string& digest) {
  constexpr std::string_view kAlgorithm = "sha256:";
  if (!digest.starts_with(kAlgorithm)) {
    reject(ErrorCode::Unsupported,
           cat("digest ", printable(digest.substr(0, 80)), " is not sha256"));
  }
  std::string hex = digest.substr(kAlgorithm.size());
  if (!isDigestHex(hex)) {
    reject(ErrorCode::Protocol, cat("bad digest ", printable(digest.substr(0, 80))));
  }
  return hex;
}

Descriptor descriptorFrom(const Json& json) {
  Descriptor descriptor;
  descriptor.media_type = stringOr(json, "mediaType", {});
  descriptor.digest = digestHex(json.at("digest").get<std::string>());
  descriptor.size = json.at("size").get<std::uint64_t>();
  if (const auto platform = json.find("platform");
      platform != json.end() && platform->is_object()) {
    descriptor.os = stringOr(*platform, "os", {});
    descriptor.architecture = stringOr(*platform, "architecture", {});
  }
  if (const auto notes = json.find("annotations"); notes != json.end() && notes->is_object()) {
    descriptor.name = stringOr(*notes, "org.opencontainers.image.ref.name", {});
  }
  return descriptor;
}

// Runs one parser over the text; what JSON or the parser throws becomes an Error.
template <typename Parse>
auto parsed(std::string_view what, std::string_view text, Parse parse)
    -> Result<decltype(parse(Json()))> {
  try {
    return parse(Json::parse(text));
  } catch (const Json::exception& error) {
    return fail(ErrorCode::Protocol, cat("malformed ", what, ": ", printable(error.what())));
  } catch (Malformed& malformed) {
    return std::unexpected(std::move(malformed.error).context(what));
  }
}

}  // namespace

bool Descriptor::isIndex() const {
  return media_type == "application/vnd.oci.image.index.v1+json" ||
         media_type == "application/vnd.docker.distribution.manifest.list.v2+json";
}

Result<std::vector<Descriptor>> parseIndex(std::string_view text) {
  return parsed("image index", text, [](const Json& json) {
    const Json& manifests = json.at("manifests");
    if (!manifests.is_array() || manifests.size() > kMaxList) {
      reject(ErrorCode::Protocol, "manifests is no sensible list");
    }
    std::vector<Descriptor> entries;
    for (const Json& item : manifests) {
      entries.push_back(descriptorFrom(item));
    }
    return entries;
  });
}

Result<Manifest> parseManifest(std::string_view text) {
  return parsed("image manifest", text, [](const Json& json) {
    Manifest manifest;
    manifest.config = descriptorFrom(json.at("config"));
    if (manifest.config.media_type != "application/vnd.oci.image.config.v1+json" &&
        manifest.config.media_type != "application/vnd.docker.container.image.v1+json") {
      reject(ErrorCode::Unsupported,
             cat("not an image but ", printable(manifest.config.media_type)));
    }
    const Json& layers = json.at("layers");
    if (!layers.is_array() || layers.empty() || layers.size() > kMaxLayers) {
      reject(ErrorCode::Unsupported, cat("an image has 1 to ", kMaxLayers, " layers"));
    }
    for (const Json& item : layers) {
      manifest.layers.push_back(descriptorFrom(item));
    }
    return manifest;
  });
}

Result<OciConfig> parseConfig(std::string_view text) {
  return parsed("image configuration", text, [](const Json& json) {
    OciConfig config;
    config.os = stringOr(json, "os", {});
    config.architecture = stringOr(json, "architecture", {});
    for (const std::string& digest : stringsOr(json.at("rootfs"), "diff_ids")) {
      config.diff_ids.push_back(digestHex(digest));
    }
    if (config.diff_ids.empty() || config.diff_ids.size() > kMaxLayers) {
      reject(ErrorCode::Unsupported, cat("an image has 1 to ", kMaxLayers, " layers"));
    }
    const auto run = json.find("config");
    if (run != json.end() && run->is_object()) {
      config.config.environment = stringsOr(*run, "Env");
      config.config.workdir = stringOr(*run, "WorkingDir", {});
      config.config.user = stringOr(*run, "User", {});
      config.config.entrypoint = stringsOr(*run, "Entrypoint");
      config.config.command = stringsOr(*run, "Cmd");
    }
    // A variable without a name would be lost or worse in every libc.
    std::erase_if(config.config.environment, [](const std::string& variable) {
      return variable.find('=') == std::string::npos || variable.starts_with('=');
    });
    return config;
  });
}

Result<DockerArchive> parseDockerManifest(std::string_view text) {
  return parsed("manifest.json", text, [](const Json& json) {
    if (!json.is_array() || json.size() != 1) {
      reject(ErrorCode::Unsupported, "the archive does not hold exactly one image");
    }
    DockerArchive archive;
    archive.config = json.at(0).at("Config").get<std::string>();
    archive.layers = stringsOr(json.at(0), "Layers");
    if (archive.layers.empty() || archive.layers.size() > kMaxLayers) {
      reject(ErrorCode::Unsupported, cat("an image has 1 to ", kMaxLayers, " layers"));
    }
    return archive;
  });
}

std::string_view machineArchitecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#else
#error "name this architecture as OCI does"
#endif
}

Result<Descriptor> choosePlatform(const std::vector<Descriptor>& entries) {
  std::vector<const Descriptor*> unspecified;
  std::string offered;
  for (const Descriptor& entry : entries) {
    if (entry.os.empty() && entry.architecture.empty()) {
      unspecified.push_back(&entry);
    } else if (entry.os == "linux" && entry.architecture == machineArchitecture()) {
      return entry;
    }
    offered += cat(offered.empty() ? "" : ", ", entry.name.empty() ? "unnamed" : entry.name,
                   entry.architecture.empty() ? "" : " for ", entry.architecture);
  }
  if (unspecified.size() == 1) {
    return *unspecified.front();
  }
  if (unspecified.size() > 1) {
    return fail(ErrorCode::InvalidArgument, cat("it holds several images: ", printable(offered)),
                "Copy the one you want into a layout of its own (skopeo copy oci:A:TAG oci:B).");
  }
  return fail(
      ErrorCode::Unsupported,
      cat("it has no image for linux/", machineArchitecture(), ", only: ", printable(offered)),
      "Fetch the image for this machine's architecture.");
}

}  // namespace ak::image
