#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace ak::guest {

// The last bytes of an endless stream, by their number in it: at most `most` of them, in memory
// that grows with what is kept and only when it is written.
class OutputRing {
 public:
  explicit OutputRing(std::size_t most) : most_(most) {}

  std::uint64_t begin() const { return begin_; }

  std::uint64_t end() const { return end_; }

  // What can be appended without dropping anything.
  std::size_t room() const { return most_ - kept(); }

  // The oldest are dropped for what is too much.
  void append(std::string_view bytes);
  // The bytes before `offset` are needed no more; nothing happens below begin() and above end().
  void drop(std::uint64_t offset);
  // Up to `size` bytes from `offset` on, which lies between begin() and end().
  std::size_t copy(std::uint64_t offset, char* to, std::size_t size) const;
  // Keeps nothing, and gives its memory back.
  void clear();

 private:
  std::size_t kept() const { return static_cast<std::size_t>(end_ - begin_); }

  void grow(std::size_t least);

  std::size_t most_;
  std::vector<char> bytes_;  // byte n of the stream is at n % size
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
};

}  // namespace ak::guest
