// Any file as a recording: events in order, or an Error; bounded whatever is in it.
#include <algorithm>
#include <cstdlib>

#include "cli/recording/cast_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  // The first byte chooses how the file is cut.
  const std::size_t step = std::size_t{data[0]} + 1;
  std::string_view left(reinterpret_cast<const char*>(data + 1), size - 1);
  auto reader = ak::cli::CastReader::open([&]() -> ak::Result<std::string> {
    const std::string piece(left.substr(0, step));
    left.remove_prefix(piece.size());
    return piece;
  });
  if (!reader) {
    return 0;
  }
  std::chrono::duration<double> last{};
  for (auto event = reader->next(); event && *event; event = reader->next()) {
    if ((*event)->at < last) {
      std::abort();
    }
    last = (*event)->at;
  }
  return 0;
}
