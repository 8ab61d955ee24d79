#pragma once

#include <memory>
#include <string>

#include "guest/guest_path.h"
#include "guest/stream.h"
#include "wire/file.h"

namespace ak::guest {

// FileRequest::Kind::Write: bytes go to a temporary file beside the target, which takes the
// target's name when the last byte is there. Until then, and whatever goes wrong, the old content
// stays; a link at the target's name is replaced, not followed.
class FileWriter final : public Stream {
 public:
  static Result<std::unique_ptr<Stream>> open(wire::FileRequest request, StreamPort& port);
  ~FileWriter() override;

  void onData(std::uint8_t channel, std::string_view bytes) override;
  void onEnd(std::uint8_t channel) override;
  void onControl(std::string_view payload) override;

 private:
  FileWriter(wire::FileRequest request, StreamPort& port, Place place)
      : request_(std::move(request)), port_(port), place_(std::move(place)) {}

  Status begin();
  Result<wire::FileInfo> commit();
  Status inherit();

  wire::FileRequest request_;
  StreamPort& port_;
  Place place_;
  std::string temporary_;  // empty: there is none (any more)
  sys::OwnedFd file_;
};

}  // namespace ak::guest
