#include "audit/chain.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/sha256.h"

namespace ak::audit {

namespace {

constexpr std::size_t kHashSize = 64;
constexpr std::string_view kSeq = ",\"seq\":";
constexpr std::string_view kPrev = ",\"prev\":\"";
constexpr std::string_view kHash = ",\"hash\":\"";
constexpr std::string_view kEnd = "\"}";

bool isHash(std::string_view text) {
  return text.size() == kHashSize && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Takes `KEY<hash>` off the end of `text`.
std::optional<std::string_view> takeHash(std::string_view& text, std::string_view key) {
  const std::size_t size = key.size() + kHashSize;
  if (text.size() < size) {
    return std::nullopt;
  }
  const std::string_view last = text.substr(text.size() - size);
  if (!last.starts_with(key) || !isHash(last.substr(key.size()))) {
    return std::nullopt;
  }
  text.remove_suffix(size);
  return last.substr(key.size());
}

std::optional<std::uint64_t> parseSeq(std::string_view text) {
  const auto seq = parseNumber<std::uint64_t>(text);
  // One way to write a number: what two readers could take for different lines is none.
  return seq && *seq != 0 && cat(*seq) == text ? seq : std::nullopt;
}

}  // namespace

std::string seal(std::string event, const Link& before, Link& after) {
  event += cat(kSeq, before.seq + 1, kPrev, before.hash, "\"");
  after = {before.seq + 1, crypto::sha256Hex(event)};
  event += cat(kHash, after.hash, kEnd, "\n");
  return event;
}

bool Sealed::holds() const {
  return crypto::sha256Hex(covered) == hash;
}

std::optional<Sealed> unseal(std::string_view line) {
  Sealed sealed;
  if (!line.starts_with("{\"") || !line.ends_with(kEnd)) {
    return std::nullopt;
  }
  std::string_view rest = line.substr(0, line.size() - kEnd.size());
  const auto hash = takeHash(rest, kHash);
  if (!hash || !rest.ends_with('"')) {
    return std::nullopt;
  }
  sealed.hash = *hash;
  sealed.covered = rest;
  rest.remove_suffix(1);
  const auto prev = takeHash(rest, kPrev);
  const std::size_t seq = rest.rfind(kSeq);
  if (!prev || seq == std::string_view::npos) {
    return std::nullopt;
  }
  sealed.prev = *prev;
  const auto number = parseSeq(rest.substr(seq + kSeq.size()));
  if (!number) {
    return std::nullopt;
  }
  sealed.seq = *number;
  return sealed;
}

std::string linkText(const Link& link) {
  return cat(link.seq, ":", link.hash);
}

std::optional<Link> parseLink(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !isHash(text.substr(colon + 1))) {
    return std::nullopt;
  }
  if (text.substr(0, colon) == "0") {
    return text.substr(colon + 1) == Link().hash ? std::optional(Link()) : std::nullopt;
  }
  const auto seq = parseSeq(text.substr(0, colon));
  return seq ? std::optional(Link{*seq, std::string(text.substr(colon + 1))}) : std::nullopt;
}

}  // namespace ak::audit
