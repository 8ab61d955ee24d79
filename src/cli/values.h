#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/environment.h"
#include "model/run_request.h"

// Words of the command line that stand for values. All fail with InvalidArgument that shows the
// word and an example of a good one.
namespace ak::cli {

// "512mb", "2g", "1gib", "4096": powers of 1024, bytes without a unit.
Result<std::uint64_t> parseSize(std::string_view word);
// "1gb", "1.5g", "512m": as above, also with decimals; "0" and "" are unlimited, 0.
Result<std::uint64_t> parseVolumeSize(std::string_view word);
// "2", "0.5" cores, as percent of one.
Result<std::uint32_t> parseCpus(std::string_view word);
// "90", "90s", "30m", "1h", "3d", "250ms"; not 0.
Result<std::chrono::milliseconds> parseTimeout(std::string_view word);

// "cow", "rw", "ro", "none"; told apart from what other tools' --mount takes.
Result<model::WorkspaceMode> parseMount(std::string_view word);

// "SRC:DEST[:MODE]"; reads SRC. Without a mode the file keeps its own permission bits.
Result<model::FileInjection> readFileOption(const std::string& word);

// What an image is called that is imported from `path` and given no name: the path's last part in
// lower case, without the endings of an archive.
std::string imageNameOf(std::string_view path);

// "KEY=VALUE", or "KEY" for the value that it has here.
Result<std::string> environmentEntry(const std::string& word, const env::Environment& environment);
// Lines of such entries; empty ones and those that begin with # are skipped, blanks before a key
// too. Values are taken as they are, quotes included, as docker and podman do.
Result<std::vector<std::string>> readEnvironmentFile(const std::string& path,
                                                     const env::Environment& environment);

}  // namespace ak::cli
