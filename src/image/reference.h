#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ak::image {

inline constexpr std::string_view kHostImage = "host";

// 64 lower-case hex digits.
bool isDigestHex(std::string_view text);

struct Reference {
  enum class Kind { Host, Name, Digest };
  Kind kind = Kind::Name;
  // Name: repository:tag, the tag filled in ("latest"). Digest: 12 to 64 hex digits.
  std::string value;
};

// What a user may write for an image: "host", NAME[:TAG], "sha256:HEX" or at least 12 hex digits of
// a digest. Names are at most 255 bytes: a lower-case repository of [a-z0-9._/-] (with an optional
// :PORT on its first part) that begins and ends with a letter or digit in every part, and a tag of
// at most 128 of [A-Za-z0-9_.-]. `NAME@sha256:HEX` is the digest. InvalidArgument for the rest.
Result<Reference> parseReference(std::string_view text);

// A name that an import may give: a Reference of kind Name.
Result<std::string> parseImageName(std::string_view text);

}  // namespace ak::image
