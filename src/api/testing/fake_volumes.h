#pragma once

#include <map>
#include <string>

#include "manager/volumes.h"

namespace ak::api::testing {

// Volumes without files: what was asked is kept.
class FakeVolumes final : public manager::Volumes {
 public:
  std::map<std::string, View> made;

  net::Task<Result<View>> create(std::string slug, std::uint64_t size_bytes) override {
    AK_CO_TRY(model::validateVolumeSlug(slug));
    if (made.contains(slug)) {
      co_return fail(ErrorCode::AlreadyExists, "taken");
    }
    View view;
    view.volume.slug = slug;
    view.volume.uuid = "u-" + slug;
    view.volume.size_bytes = size_bytes;
    view.volume.limited_by = size_bytes == 0 ? "none" : "loop";
    view.usage = manager::VolumeUsage{};
    made[slug] = view;
    co_return view;
  }

  net::Task<std::vector<View>> list() override {
    std::vector<View> all;
    for (const auto& [slug, view] : made) {
      all.push_back(view);
    }
    co_return all;
  }

  net::Task<Result<View>> get(std::string slug) override {
    if (!made.contains(slug)) {
      co_return fail(ErrorCode::NotFound, "no such volume");
    }
    co_return made.at(slug);
  }

  net::Task<Status> remove(std::string slug) override {
    if (made.contains(slug) && !made.at(slug).users.empty()) {
      co_return fail(ErrorCode::Conflict, "in use");
    }
    co_return made.erase(slug) != 0 ? Status() : fail(ErrorCode::NotFound, "no such volume");
  }
};

}  // namespace ak::api::testing
