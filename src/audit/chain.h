#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ak::audit {

// A place in the chain: the number of a line and the hash that covers it and all before it.
struct Link {
  std::uint64_t seq = 0;
  std::string hash = std::string(64, '0');  // of line 0, which is not there
  bool operator==(const Link&) const = default;
};

// Every line ends in `,"seq":N,"prev":"HASH","hash":"HASH"}`. `hash` is the SHA-256 (64 lower-case
// hex digits) of all of the line's bytes before `,"hash"`, `prev` that of the line before: so one
// changed byte breaks its own line, and a line that is missing, moved or put in breaks its
// neighbour.
//
// There is no key: whoever may write the log can write another log that is as sound. What then
// still tells them apart is a Link that is kept elsewhere (head.h, `agentkernel audit verify
// --head`): no other log contains it.
std::string seal(std::string event, const Link& before, Link& after);

// A line (without its line break) taken apart; views into it.
struct Sealed {
  std::uint64_t seq = 0;
  std::string_view prev;
  std::string_view hash;
  std::string_view covered;  // what `hash` must be the hash of

  bool holds() const;

  Link link() const { return {seq, std::string(hash)}; }

  bool follows(const Link& before) const { return seq == before.seq + 1 && prev == before.hash; }
};

// nullopt: not a line of ours, by its form.
std::optional<Sealed> unseal(std::string_view line);

// "12:<64 hex digits>", for people to keep.
std::string linkText(const Link& link);
std::optional<Link> parseLink(std::string_view text);

}  // namespace ak::audit
