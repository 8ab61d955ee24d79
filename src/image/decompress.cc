#include "image/decompress.h"

#include <isa-l/igzip_lib.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/text.h"

namespace ak::image {

namespace {

constexpr std::size_t kBuffer = 256 * 1024;

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::Protocol, cat("damaged ", what, " stream"),
              "Fetch or make the file again.");
}

// A window on the source that refills itself; what was peeked at is not lost.
class Refill {
 public:
  explicit Refill(ByteSource& source) : source_(source), buffer_(kBuffer) {}

  // Makes at least `want` bytes available if the source has them.
  Status need(std::size_t want) {
    if (begin_ != 0 && end_ - begin_ < want) {
      std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
      end_ -= begin_;
      begin_ = 0;
    }
    while (end_ - begin_ < want) {
      const std::size_t size = AK_TRY(source_.read(std::span(buffer_).subspan(end_)));
      if (size == 0) {
        break;
      }
      end_ += size;
    }
    return {};
  }

  std::span<char> bytes() { return std::span(buffer_).subspan(begin_, end_ - begin_); }

  void consume(std::size_t size) { begin_ += size; }

 private:
  ByteSource& source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class PlainSource final : public ByteSource {
 public:
  explicit PlainSource(Refill input) : input_(std::move(input)) {}

  Result<std::size_t> read(std::span<char> out) override {
    AK_TRY(input_.need(1));
    const std::size_t size = std::min(out.size(), input_.bytes().size());
    std::copy_n(input_.bytes().begin(), size, out.begin());
    input_.consume(size);
    return size;
  }

 private:
  Refill input_;
};

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(Refill input)
      : input_(std::move(input)), state_(std::make_unique<inflate_state>()) {
    startMember();
  }

  Result<std::size_t> read(std::span<char> out) override {
    for (;;) {
      AK_TRY(input_.need(1));
      const std::span<char> in = input_.bytes();
      if (state_->block_state == ISAL_BLOCK_FINISH) {
        // Zeros after the last member are padding (gzip(1) accepts them, too).
        if (in.empty() || in.front() == '\0') {
          return std::size_t{0};
        }
        startMember();
      }
      state_->next_in = reinterpret_cast<std::uint8_t*>(in.data());
      state_->avail_in = static_cast<std::uint32_t>(in.size());
      state_->next_out = reinterpret_cast<std::uint8_t*>(out.data());
      state_->avail_out = static_cast<std::uint32_t>(std::min<std::size_t>(out.size(), kBuffer));
      const std::uint32_t room = state_->avail_out;
      if (isal_inflate(state_.get()) != ISAL_DECOMP_OK) {
        return damaged("gzip");
      }
      const std::size_t made = room - state_->avail_out;
      const std::size_t used = in.size() - state_->avail_in;
      input_.consume(used);
      if (made != 0) {
        return made;
      }
      if (used == 0 && state_->block_state != ISAL_BLOCK_FINISH) {
        return damaged("gzip");  // it wants more and there is none
      }
    }
  }

 private:
  void startMember() {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
  }

  Refill input_;
  std::unique_ptr<inflate_state> state_;
};

struct FreeZstd {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

class ZstdSource final : public ByteSource {
 public:
  explicit ZstdSource(Refill input) : input_(std::move(input)), stream_(ZSTD_createDStream()) {}

  Result<std::size_t> read(std::span<char> out) override {
    for (;;) {
      AK_TRY(input_.need(1));
      const std::span<char> bytes = input_.bytes();
      if (bytes.empty() && pending_ == 0) {
        return std::size_t{0};
      }
      ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
      ZSTD_outBuffer to{out.data(), out.size(), 0};
      // The default window limit (128 MiB) stays: a frame may not make us allocate more.
      pending_ = ZSTD_decompressStream(stream_.get(), &to, &in);
      if (ZSTD_isError(pending_) != 0) {
        return damaged("zstd");
      }
      input_.consume(in.pos);
      if (to.pos != 0) {
        return to.pos;
      }
      if (in.pos == 0 && bytes.empty()) {
        return damaged("zstd");
      }
    }
  }

 private:
  Refill input_;
  std::unique_ptr<ZSTD_DStream, FreeZstd> stream_;
  std::size_t pending_ = 0;  // 0: between two frames
};

bool startsWith(std::span<const char> bytes, std::string_view magic) {
  return std::string_view(bytes.data(), bytes.size()).starts_with(magic);
}

}  // namespace

Result<std::size_t> HashedInput::read(std::span<char> out) {
  for (;;) {
    const ssize_t size = ::read(fd_, out.data(), out.size());
    if (size >= 0) {
      const auto count = static_cast<std::size_t>(size);
      hash_.update({out.data(), count});
      bytes_ += count;
      return count;
    }
    if (errno != EINTR) {
      return failErrno("reading the archive");
    }
  }
}

Result<std::unique_ptr<ByteSource>> openCompressed(ByteSource& source) {
  Refill input(source);
  AK_TRY(input.need(4));
  if (startsWith(input.bytes(), "\x1f\x8b")) {
    return std::make_unique<GzipSource>(std::move(input));
  }
  if (startsWith(input.bytes(), "\x28\xb5\x2f\xfd")) {
    return std::make_unique<ZstdSource>(std::move(input));
  }
  return std::make_unique<PlainSource>(std::move(input));
}

}  // namespace ak::image
