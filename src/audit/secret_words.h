#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// What secrets look like: the names that they go by, and the marks that their makers give them.
namespace ak::audit {

// Of an option, header, field or variable, in whatever spelling: "--db-password", "X-Api-Key",
// "accessKey". A count of tokens is no token.
bool soundsSecret(std::string_view name);

// An environment variable by custom: capitals, digits and _, at least two.
bool isVariable(std::string_view name);

// What a program that is called so means by `-p`: mostly a port or a path.
enum class OptionP : std::uint8_t { Other, Password, PasswordOrNext };

OptionP optionP(std::string_view program);

struct MarkedToken {
  std::size_t begin = 0;
  std::size_t size = 0;  // 0: there is none
};

// The first token in `word` that carries its maker's mark and is long enough to be one.
MarkedToken findMarkedToken(std::string_view word);

// Is all of `text` what `pattern` says, where `*` stands for any text?
bool globMatches(std::string_view pattern, std::string_view text);

}  // namespace ak::audit
