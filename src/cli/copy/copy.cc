#include "cli/copy/copy.h"

#include "base/text.h"

namespace ak::cli {

namespace {

constexpr std::size_t kMostTold = 20;

}  // namespace

void CopyJob::leaveOut(const std::string& path, const Error& why) {
  if (++left_out <= kMostTold) {
    remote.progress().clear();
    output.note(cat("left out ", path, ": ", why.message));
  }
}

std::string lastPart(const std::string& path) {
  std::string_view rest = path;
  while (rest.ends_with('/')) {
    rest.remove_suffix(1);
  }
  const std::size_t slash = rest.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? rest : rest.substr(slash + 1);
  return last == "." || last == ".." ? std::string() : std::string(last);
}

}  // namespace ak::cli
