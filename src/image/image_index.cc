#include "image/image_index.h"

#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "image/reference.h"
#include "sys/file.h"

namespace ak::image {

namespace {

using Json = nlohmann::json;

constexpr const char* kFile = "index.json";
constexpr std::size_t kMaxFile = std::size_t{64} << 20U;

Json toJson(const ImageRecord& record) {
  return {{"layers", record.layers},
          {"created_at", formatTime(record.created_at)},
          {"config",
           {{"environment", record.config.environment},
            {"workdir", record.config.workdir},
            {"user", record.config.user},
            {"entrypoint", record.config.entrypoint},
            {"command", record.config.command}}}};
}

ImageRecord recordFromJson(const Json& json) {
  ImageRecord record;
  json.at("layers").get_to(record.layers);
  record.created_at = parseTime(json.at("created_at").get<std::string>()).value_or(WallTime{});
  const Json& config = json.at("config");
  config.at("environment").get_to(record.config.environment);
  config.at("workdir").get_to(record.config.workdir);
  config.at("user").get_to(record.config.user);
  config.at("entrypoint").get_to(record.config.entrypoint);
  config.at("command").get_to(record.config.command);
  return record;
}

bool consistent(const ImageIndex& index) {
  for (const auto& [digest, record] : index.images) {
    if (!isDigestHex(digest) || record.layers.empty() ||
        !std::ranges::all_of(record.layers, isDigestHex)) {
      return false;
    }
  }
  return std::ranges::all_of(index.names,
                             [&](const auto& name) { return index.images.contains(name.second); });
}

std::unexpected<Error> damaged(std::string_view why) {
  return fail(ErrorCode::Internal, cat("the image index ", kFile, " is damaged: ", printable(why)),
              "Move the image store's index.json aside and import the images again.");
}

}  // namespace

Result<ImageIndex> ImageIndex::load(int store_fd) {
  const auto file = AK_TRY(sys::openAtIfExists(store_fd, kFile, O_RDONLY));
  if (!file) {
    return ImageIndex{};
  }
  const std::string text = AK_TRY(sys::readAll(file->get(), kMaxFile));
  ImageIndex index;
  try {
    const Json json = Json::parse(text);
    if (json.at("version").get<int>() != 1) {
      return damaged("its version is not 1");
    }
    for (const auto& [digest, record] : json.at("images").items()) {
      index.images[digest] = recordFromJson(record);
    }
    for (const auto& [name, digest] : json.at("names").items()) {
      index.names[name] = digest.get<std::string>();
    }
  } catch (const Json::exception& error) {
    return damaged(error.what());
  }
  if (!consistent(index)) {
    return damaged("digests do not fit together");
  }
  return index;
}

Status ImageIndex::save(int store_fd) const {
  Json json = {{"version", 1}, {"images", Json::object()}, {"names", names}};
  for (const auto& [digest, record] : images) {
    json["images"][digest] = toJson(record);
  }
  // Replacing invalid UTF-8 cannot happen for what our parsers let in; dump must not throw anyway.
  return sys::replaceFile(store_fd, kFile, json.dump(1, ' ', false, Json::error_handler_t::replace),
                          0600);
}

std::vector<std::string> ImageIndex::namesOf(std::string_view digest) const {
  std::vector<std::string> found;
  for (const auto& [name, target] : names) {
    if (target == digest) {
      found.push_back(name);
    }
  }
  return found;
}

}  // namespace ak::image
