// Whatever stands in the log's place: read forwards, backwards, judged and searched.
#include <sys/mman.h>

#include <cstdlib>

#include "audit/head.h"
#include "audit/lines.h"
#include "audit/query.h"
#include "audit/redact.h"
#include "audit/verify.h"
#include "sys/file.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace ak::audit;  // NOLINT(google-build-using-namespace)
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<LogPart> parts(1);
  parts[0].path = "log";
  parts[0].file = ak::sys::OwnedFd(::memfd_create("log", MFD_CLOEXEC));
  parts[0].size = size;
  if (!ak::sys::writeAll(parts[0].file.get(), text)) {
    std::abort();
  }
  std::size_t forward = 0;
  ForwardLines lines(parts);
  while (const auto line = *lines.next()) {
    forward += line->size;
  }
  std::size_t backward = 0;
  BackwardLines back(parts);
  while (const auto line = *back.next()) {
    backward += line->size;
  }
  const auto found = findEvents(parts, Query{.sandbox = "box"});
  const auto verdict = verifyParts(parts, Expectation());
  if (forward != size || backward != size || !found || !verdict) {
    std::abort();
  }
  (void)parseHead(text);
  const RedactedCommand shown = Redactor({"--licence", "a*b*c"}).command({std::string(text)});
  if (shown.arguments.size() != 1 || shown.arguments[0].size() > Redactor::kMaxArgument) {
    std::abort();
  }
  return 0;
}
