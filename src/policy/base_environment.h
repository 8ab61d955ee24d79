#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ak::policy {

// The environment that every guest command starts with, on every image:
//   HOME  /root for root, /home/<name> for another name, / for a bare number
//   PATH  /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
//   TERM  the client's terminal under a PTY, else dumb
//   LANG  C.UTF-8: in every glibc since 2.35 and in musl, and the same on every host
//   TZ    UTC: runs are alike everywhere, and the guest does not learn where the host is
// Later layers replace earlier ones by name: base, image, the host's six (permissive only),
// request.
struct EnvironmentLayers {
  std::string user;  // as in the request: "", name, uid, either with :group
  bool terminal = false;
  std::string term;  // used when `terminal`
  std::vector<std::string> image;
  std::vector<std::string> host;  // used when `pass_host`
  bool pass_host = false;
  std::vector<std::string> request;
};

// KEY=VALUE, each key once, in order of first appearance. Entries without `=` or with an empty key
// are dropped: images carry them, and execve would pass them on to confuse getenv.
std::vector<std::string> guestEnvironment(const EnvironmentLayers& layers);

std::string homeOf(std::string_view user);

}  // namespace ak::policy
