#include "image/reference.h"

#include <algorithm>

#include "base/text.h"

namespace ak::image {

namespace {

constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxTag = 128;
constexpr std::size_t kMinDigestPrefix = 12;

bool isHex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool isLowerOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool isRepositoryPart(std::string_view part) {
  return !part.empty() && isLowerOrDigit(part.front()) && isLowerOrDigit(part.back()) &&
         !part.contains("..") && std::ranges::all_of(part, [](char c) {
           return isLowerOrDigit(c) || c == '.' || c == '_' || c == '-';
         });
}

// The first part may be a registry with a port.
bool isFirstPart(std::string_view part) {
  const std::size_t colon = part.find(':');
  if (colon == std::string_view::npos) {
    return isRepositoryPart(part);
  }
  const auto port = parseNumber<std::uint16_t>(part.substr(colon + 1));
  return port && isRepositoryPart(part.substr(0, colon));
}

bool isTag(std::string_view tag) {
  return !tag.empty() && tag.size() <= kMaxTag && tag.front() != '.' && tag.front() != '-' &&
         !tag.contains("..") && std::ranges::all_of(tag, [](char c) {
           return isLowerOrDigit(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-';
         });
}

std::unexpected<Error> badReference(std::string_view text) {
  return fail(
      ErrorCode::InvalidArgument,
      cat("not an image reference: '", printable(text.substr(0, kMaxName)), "'"),
      "Use host, NAME[:TAG] in lower case, or at least 12 hex digits of a digest. A file is "
      "imported first: agentkernel images import PATH --name NAME");
}

// Of any tag: the one name that no image can have.
bool isNamedHost(std::string_view text) {
  return text.substr(0, text.find(':')) == kHostImage;
}

bool isRepository(std::string_view repository) {
  const auto parts = split(repository, '/');
  if (parts.size() == 1) {
    return isRepositoryPart(parts.front());
  }
  return isFirstPart(parts.front()) &&
         std::all_of(parts.begin() + 1, parts.end(), isRepositoryPart);
}

}  // namespace

bool isDigestHex(std::string_view text) {
  return text.size() == 64 && isHex(text);
}

Result<Reference> parseReference(std::string_view text) {
  if (text == kHostImage) {
    return Reference{Reference::Kind::Host, std::string(text)};
  }
  if (text.empty() || text.size() > kMaxName || isNamedHost(text)) {
    return badReference(text);
  }
  std::string_view digest = text;
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    if (!isRepository(text.substr(0, at)) && !parseImageName(text.substr(0, at))) {
      return badReference(text);
    }
    digest = text.substr(at + 1);
    if (!digest.starts_with("sha256:")) {
      return badReference(text);
    }
  }
  const bool prefixed = digest.starts_with("sha256:");
  if (prefixed) {
    digest.remove_prefix(7);
  }
  if (isHex(digest) && digest.size() >= kMinDigestPrefix && digest.size() <= 64) {
    return Reference{Reference::Kind::Digest, std::string(digest)};
  }
  if (prefixed) {
    return badReference(text);
  }
  return Reference{Reference::Kind::Name, AK_TRY(parseImageName(text))};
}

Result<std::string> parseImageName(std::string_view text) {
  if (isNamedHost(text)) {
    return fail(ErrorCode::InvalidArgument,
                "the name 'host' is this machine's own /usr and cannot be given to an image",
                "Choose another name: agentkernel images import PATH --name NAME");
  }
  if (text.empty() || text.size() > kMaxName) {
    return badReference(text);
  }
  // A colon after the last slash separates the tag; one before it is a registry's port.
  const std::size_t slash = text.rfind('/');
  const std::size_t colon = text.find(':', slash == std::string_view::npos ? 0 : slash);
  const std::string_view repository = text.substr(0, colon);
  const std::string_view tag =
      colon == std::string_view::npos ? std::string_view("latest") : text.substr(colon + 1);
  if (!isRepository(repository) || !isTag(tag)) {
    return badReference(text);
  }
  return cat(repository, ":", tag);
}

}  // namespace ak::image
