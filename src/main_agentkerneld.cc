// The daemon's program. With --unpack it is the confined child that unpacks an image layer.
#include <unistd.h>

#include <string_view>

#include "base/text.h"
#include "daemon/daemon.h"
#include "image/unpack.h"
#include "sys/file.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--unpack") {
    return ak::image::unpackMain(argc - 1, argv + 1);
  }
  const ak::Result<ak::daemon::Options> options =
      ak::daemon::parseOptions(std::vector<std::string>(argv + 1, argv + argc));
  if (!options) {
    (void)ak::sys::writeAll(STDERR_FILENO, ak::cat("agentkerneld: ", options.error().message, "\n",
                                                   options.error().remedy, "\n"));
    return 2;
  }
  return options->doctor ? ak::daemon::printDoctor(*options) : ak::daemon::runDaemon(*options);
}
