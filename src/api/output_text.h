#pragma once

#include <string>
#include <string_view>

namespace ak::api {

// Cuts a stream of bytes into pieces for JSON: never inside a UTF-8 character (which may arrive in
// two parts), never so long that its event exceeds 32 KiB. Bytes that are not UTF-8 come as pieces
// of their own.
class TextPieces {
 public:
  struct Piece {
    std::string_view bytes;  // valid until the next call
    bool is_text = true;
  };

  void feed(std::string_view bytes);
  // False: no complete piece is left.
  bool next(Piece& piece);

  // No more bytes come: what is held back is let out.
  void end() { ended_ = true; }

 private:
  std::string buffer_;
  std::size_t offset_ = 0;
  bool ended_ = false;
};

// How many bytes of a UTF-8 character begin `text`: 1 to 4; 0 when they are not UTF-8; -1 when the
// character may be complete with bytes that are not here yet.
int characterLength(std::string_view text);

}  // namespace ak::api
