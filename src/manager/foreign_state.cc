#include "manager/foreign_state.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <unistd.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "base/text.h"
#include "crypto/sha256.h"
#include "model/json_parse.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ak::manager {

namespace {

constexpr std::size_t kMaxFile = 1024 * 1024;
constexpr std::size_t kMaxFiles = 100'000;
constexpr std::string_view kSuffix = ".json";
constexpr std::string_view kSeen = "foreign-state-seen";

// Always the same bytes for the same text.
class TextRandom final : public Random {
 public:
  explicit TextRandom(std::string_view text) : text_(text) {}

  void fill(std::span<unsigned char> bytes) override {
    for (std::size_t done = 0; done < bytes.size(); ++round_) {
      crypto::Sha256 hash;
      hash.update(cat("uuid ", round_, "\n"));
      hash.update(text_);
      const std::string piece = hash.finish();
      const std::size_t some = std::min(piece.size(), bytes.size() - done);
      std::copy_n(piece.begin(), some, bytes.begin() + static_cast<std::ptrdiff_t>(done));
      done += some;
    }
  }

 private:
  const std::string_view text_;
  unsigned round_ = 0;
};

Result<std::optional<sys::OwnedFd>> openPlace(const std::string& directory) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY;
  auto found = AK_TRY(sys::openAtIfExists(AT_FDCWD, directory, kFlags));
  if (!found) {
    return std::nullopt;
  }
  auto inner = AK_TRY(sys::openAtIfExists(found->get(), "sandboxes", kFlags, RESOLVE_NO_SYMLINKS));
  return inner ? std::move(inner) : std::move(found);
}

Result<std::vector<std::string>> namesIn(const sys::OwnedFd& place) {
  auto reader = AK_TRY(sys::DirectoryReader::open(place.get(), "."));
  std::vector<std::string> names = AK_TRY(sys::listNames(std::move(reader), kMaxFiles));
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(kSuffix); });
  return names;
}

Result<model::ReadState> understand(const std::string& content) {
  const nlohmann::json body = AK_TRY(model::parseJsonObject(content));
  model::ReadState state = AK_TRY(model::readSandboxState(body));
  if (state.record.uuid.empty()) {
    TextRandom random(content);
    state.record.uuid =
        model::makeUuid(parseTime(state.record.created_as).value_or(WallTime{}), random);
  }
  return state;
}

ForeignFile readOne(const sys::OwnedFd& place, std::string name) {
  Result<std::string> content =
      sys::readRegularFile(place.get(), name, kMaxFile, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
  if (!content) {
    return {std::move(name), std::unexpected(std::move(content).error()), ""};
  }
  Result<model::ReadState> state = understand(*content);
  return {std::move(name), std::move(state), *std::move(content)};
}

}  // namespace

Result<std::vector<ForeignFile>> readForeignState(const std::string& directory) {
  std::vector<ForeignFile> files;
  const auto place = AK_TRY(openPlace(directory));
  if (place) {
    for (std::string& name : AK_TRY(namesIn(*place))) {
      files.push_back(readOne(*place, std::move(name)));
    }
  }
  return files;
}

std::size_t countUnseenForeignState(const std::string& state_directory) {
  if (::access(cat(state_directory, "/", kSeen).c_str(), F_OK) == 0) {
    return 0;
  }
  const auto place = openPlace(state_directory);
  if (!place || !*place) {
    return 0;
  }
  const auto names = namesIn(**place);
  return names ? names->size() : 0;
}

Status markForeignStateSeen(const std::string& state_directory) {
  const sys::OwnedFd directory = AK_TRY(sys::openPath(state_directory, O_RDONLY | O_DIRECTORY));
  return sys::replaceFile(directory.get(), std::string(kSeen), "", 0600);
}

Result<std::string> quarantine(const std::string& state_directory, const ForeignFile& file) {
  const std::string place = cat(state_directory, "/quarantine");
  const sys::OwnedFd directory = AK_TRY(sys::makePrivateDirectory(place));
  // By content: a file that was mended meanwhile and is still not understood is another one.
  const std::string name =
      cat(crypto::sha256Hex(file.content).substr(0, 12), "-",
          file.file.substr(file.file.size() - std::min<std::size_t>(file.file.size(), 200)));
  AK_TRY(sys::replaceFile(directory.get(), name, file.content, 0600));
  return cat(place, "/", name);
}

}  // namespace ak::manager
