#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ak::model {

// RFC 4648 section 4, padded. How bytes travel in JSON.
std::string toBase64(std::string_view bytes);
// nullopt for anything but the canonical encoding: no spaces, padding complete, spare bits zero, so
// that one content has one spelling.
std::optional<std::string> fromBase64(std::string_view text);

}  // namespace ak::model
