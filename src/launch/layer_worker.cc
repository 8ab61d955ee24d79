#include "launch/layer_worker.h"

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

#include "base/text.h"
#include "model/tree_codec.h"
#include "os/layer_merge.h"
#include "os/user_namespace.h"
#include "sys/unix_socket.h"

namespace ak::launch {

namespace {

constexpr int kReport = 3;
constexpr int kTarget = 4;
constexpr int kMostLayers = 200;

Status merge(const std::vector<std::string>& words) {
  os::LayerMerge merge;
  const bool complete = words.size() >= 3;
  const int layers = complete ? parseNumber<int>(words[1]).value_or(0) : 0;
  const int bases = complete ? parseNumber<int>(words[2]).value_or(-1) : -1;
  if (layers < 1 || layers > kMostLayers || bases < 0 || bases > kMostLayers ||
      (words[0] != "copy" && words[0] != "link")) {
    return fail(ErrorCode::InvalidArgument, "--merge wants copy|link and 1 to 200 layers");
  }
  merge.content =
      words[0] == "link" ? os::LayerMerge::Content::Link : os::LayerMerge::Content::Copy;
  merge.target = kTarget;
  for (int i = 0; i < layers; ++i) {
    merge.layers.push_back(kTarget + 1 + i);
  }
  for (int i = 0; i < bases; ++i) {
    merge.base.push_back(kTarget + 1 + layers + i);
  }
  merge.without.assign(words.begin() + 3, words.end());
  if (::geteuid() != 0) {
    merge.xattr = os::Overlay::Xattr::User;
    (void)AK_TRY(os::enterUserNamespace());
  }
  return os::mergeLayers(merge);
}

}  // namespace

Status mergeForDaemon(const std::vector<std::string>& words) {
  // The next daemon removes what a dead one's helper has made, and must not find it at work.
  pollfd daemon{kReport, 0, 0};
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::poll(&daemon, 1, 0) != 0) {
    return fail(ErrorCode::Unavailable, "the daemon has ended");
  }
  model::TreeReply reply;
  if (Status merged = merge(words); !merged) {
    reply.error = std::move(merged).error();
  }
  return sys::sendPacket(kReport, encode(reply));
}

}  // namespace ak::launch
