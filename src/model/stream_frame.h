#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

// The upgraded HTTP stream of interactive run and exec (`Connection: Upgrade`,
// `Upgrade: agentkernel`; documented in docs/api-stream.md). After the 101 both sides send frames:
//   u8 kind | u8 0 | u16 0 | u32 payload length (little-endian) | payload (at most 64 KiB)
namespace ak::model {

enum class StreamKind : std::uint8_t {
  Stdin = 1,     // client to server: bytes
  StdinEnd = 2,  // client to server: empty
  Resize = 3,    // client to server: u16 rows, u16 columns
  Signal = 4,    // client to server: u8 signal number
  Stdout = 16,   // server to client: bytes
  Stderr = 17,   // server to client: bytes
  Started = 18,  // server to client: JSON {sandbox, uuid, image, hints:[...], warnings:[...]}
  Exit = 19,     // server to client, last: JSON {exit_code, signal, timed_out, killed, phases{...},
                 // changes?}
  Failed = 20,   // server to client, last: JSON {code, message, remedy}
};

inline constexpr std::size_t kStreamHeaderSize = 8;
inline constexpr std::size_t kStreamMaxPayload = 64 * 1024;

struct StreamFrame {
  StreamKind kind{};
  std::string payload;
  bool operator==(const StreamFrame&) const = default;
};

void appendStreamFrame(std::string& out, StreamKind kind, std::string_view payload);

// Cuts a byte stream into frames; Protocol once broken, for good.
class StreamDecoder {
 public:
  void feed(std::string_view bytes) { buffer_ += bytes; }

  // False: needs more bytes.
  Result<bool> next(StreamFrame& frame);

 private:
  std::string buffer_;
  std::size_t offset_ = 0;
};

}  // namespace ak::model
