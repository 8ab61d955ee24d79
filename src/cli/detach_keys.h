#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ak::cli {

// The keys that leave a session, as docker has them: "ctrl-p,ctrl-q". One printable ASCII character
// or ctrl- with a letter or one of @ [ \ ] ^ _ each, at most 16, separated by commas; "none": no
// keys. InvalidArgument shows what a good one looks like.
inline constexpr std::string_view kUsualDetachKeys = "ctrl-p,ctrl-q";
Result<std::string> parseDetachKeys(std::string_view words);

// Looks for them in what is typed, however it is cut by reads. Keys that may yet become the whole
// are held back, and passed on when they do not.
class DetachKeys {
 public:
  // `keys` as parseDetachKeys() gives them; empty: never found.
  explicit DetachKeys(std::string keys) : keys_(std::move(keys)) {}

  struct Found {
    std::string typed;    // for the guest
    bool detach = false;  // what came behind the keys is dropped
  };

  Found feed(std::string_view bytes);

  bool holds() const { return matched_ != 0; }

  // What was held back: nobody goes on typing them.
  std::string release();

 private:
  std::string keys_;
  std::size_t matched_ = 0;  // so many of keys_ were typed last
};

}  // namespace ak::cli
