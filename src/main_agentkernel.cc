#include <exception>
#include <new>

#include "cli/dispatch.h"
#include "cli/output.h"

namespace {

constexpr int kOurFailure = 125;

}  // namespace

int main(int argc, char** argv) {
  const ak::env::Environment environment = ak::env::processEnvironment();
  try {
    const std::size_t count = argc > 0 ? static_cast<std::size_t>(argc - 1) : 0;
    return ak::cli::runMain(std::span(argv + 1, count), environment);
  } catch (const std::exception& error) {
    // Only the standard library throws here, when memory is out; unwinding has restored the
    // terminal.
    ak::cli::Output(environment)
        .error(ak::Error::make(ak::ErrorCode::Internal, error.what(), "Report this."));
    return kOurFailure;
  }
}
