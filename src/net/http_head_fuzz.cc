// Any bytes as a request head and body: nothing is read outside, and what is accepted keeps the
// promises that the rest of the server builds on.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/http_chunked.h"
#include "net/http_head.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ak::net;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t end = findHeadEnd(bytes.substr(0, kMaxHead));
  if (end == 0) {
    return 0;
  }
  const auto head = parseHead(bytes.substr(0, end));
  if (!head) {
    if (head.error().status < 400 || head.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  for (const std::string& segment : head->request.path) {
    if (segment.empty() || segment.find('\0') != std::string::npos) {
      std::abort();
    }
  }
  for (const HttpHeader& header : head->request.headers) {
    if (header.value.find_first_of("\r\n") != std::string::npos) {
      std::abort();
    }
  }
  if (head->framing == BodyFraming::Chunked) {
    std::string_view body = bytes.substr(end);
    ChunkedDecoder decoder(4096);
    (void)decoder.feed(body);
    if (decoder.size() > 4096) {
      std::abort();
    }
  }
  return 0;
}
