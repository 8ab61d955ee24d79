#include "policy/base_environment.h"

#include <algorithm>
#include <unordered_map>

#include "base/text.h"

namespace ak::policy {

namespace {

constexpr std::string_view kPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool isPlainUserName(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.front() != '-' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.';
         });
}

class Merged {
 public:
  void add(const std::string& entry) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0 || entry.contains('\0')) {
      return;
    }
    const auto [known, added] = index_.try_emplace(entry.substr(0, equals), entries_.size());
    if (added) {
      entries_.push_back(entry);
    } else {
      entries_[known->second] = entry;
    }
  }

  void add(const std::vector<std::string>& layer) {
    for (const std::string& entry : layer) {
      add(entry);
    }
  }

  std::vector<std::string> take() && { return std::move(entries_); }

 private:
  std::vector<std::string> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace

std::string homeOf(std::string_view user) {
  user = user.substr(0, user.find(':'));
  if (user.empty() || user == "root" || user == "0") {
    return "/root";
  }
  if (parseNumber<std::uint32_t>(user) || !isPlainUserName(user)) {
    return "/";
  }
  return cat("/home/", user);
}

std::vector<std::string> guestEnvironment(const EnvironmentLayers& layers) {
  Merged merged;
  merged.add(cat("HOME=", homeOf(layers.user)));
  merged.add(std::string(kPath));
  merged.add(cat("TERM=", layers.terminal && !layers.term.empty() ? layers.term : "dumb"));
  merged.add(std::string("LANG=C.UTF-8"));
  merged.add(std::string("TZ=UTC"));
  merged.add(layers.image);
  if (layers.pass_host) {
    merged.add(layers.host);
  }
  merged.add(layers.request);
  return std::move(merged).take();
}

}  // namespace ak::policy
