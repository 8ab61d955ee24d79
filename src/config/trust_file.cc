#include <algorithm>

#include "base/clock.h"
#include "base/text.h"
#include "config/trust.h"

namespace ak::config {

namespace {

constexpr std::size_t kMaxGrants = 1000;

constexpr KeySpec kKeys[] = {
    {"directory", "absolute path", "required", Where::UserOnly, "The project's directory."},
    {"device", "whole number", "required", Where::UserOnly, "Its device."},
    {"inode", "whole number", "required", Where::UserOnly, "Its inode."},
    {"sha256", "64 hex digits", "required", Where::UserOnly, "Of agentkernel.toml."},
    {"granted_at", "time", "required", Where::UserOnly, "When."},
};
constexpr SectionSpec kGrantSpec = {"grant", SectionSpec::Shape::ArrayOfTables, kKeys};

bool isHash(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Device and inode numbers use all 64 bits; TOML's integers have 63, so they are written as text.
Result<std::uint64_t> unsignedText(const SectionReader& reader, std::string_view key) {
  const auto text = AK_TRY(reader.string(key));
  const auto number = text ? parseNumber<std::uint64_t>(text->value) : std::nullopt;
  if (!number) {
    return reader.context().invalid(reader.at(), cat("a grant has no valid ", key));
  }
  return *number;
}

Result<TrustGrant> readGrant(const SectionReader& reader) {
  const auto directory = AK_TRY(reader.string("directory"));
  const auto hash = AK_TRY(reader.string("sha256"));
  const auto granted_at = AK_TRY(reader.string("granted_at"));
  if (!directory || !directory->value.starts_with('/') || !hash || !isHash(hash->value) ||
      !granted_at || !parseTime(granted_at->value)) {
    return reader.context().invalid(reader.at(), "a grant is incomplete");
  }
  const std::uint64_t device = AK_TRY(unsignedText(reader, "device"));
  const std::uint64_t inode = AK_TRY(unsignedText(reader, "inode"));
  return TrustGrant{{directory->value, device, inode, hash->value}, granted_at->value};
}

Result<std::vector<TrustGrant>> readGrants(const Value& root, FileContext& context) {
  std::vector<TrustGrant> grants;
  for (const Field& field : root.fields) {
    const bool is_list = field.name == "grant" && field.value.kind == Value::Kind::Array &&
                         field.value.items.size() <= kMaxGrants;
    if (!is_list) {
      return context.invalid(field.at, "not a list of grants");
    }
    for (const Value& item : field.value.items) {
      if (item.kind != Value::Kind::Table) {
        return context.invalid(item.at, "not a grant");
      }
      const SectionReader reader = AK_TRY(SectionReader::open(kGrantSpec, item, context));
      grants.push_back(AK_TRY(readGrant(reader)));
    }
  }
  return grants;
}

// A basic string of TOML. Every byte outside plain ASCII text is escaped or is UTF-8 as it stands;
// a directory name that is not UTF-8 cannot be written and is refused when it is read back.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20U || byte == 0x7fU) {
      out += cat("\\u00", toHex(std::string_view(&c, 1)));
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

Result<std::vector<TrustGrant>> parseTrust(std::string_view path, std::string_view content) {
  FileContext context{std::string(path), Audience::User, {}};
  auto grants = [&]() -> Result<std::vector<TrustGrant>> {
    const Value root = AK_TRY(parseToml(path, content));
    return readGrants(root, context);
  }();
  if (!grants) {
    Error error = std::move(grants).error().context("the list of trusted projects is broken");
    error.remedy = "Remove the file and grant trust anew with: agentkernel trust";
    return std::unexpected(std::move(error));
  }
  return grants;
}

std::string formatTrust(const std::vector<TrustGrant>& grants) {
  std::string text = "# Written by `agentkernel trust`. Edits are kept only while they parse.\n";
  for (const TrustGrant& grant : grants) {
    text += cat("\n[[grant]]\ndirectory = ", quoted(grant.project.directory), "\ndevice = \"",
                grant.project.device, "\"\ninode = \"", grant.project.inode,
                "\"\nsha256 = ", quoted(grant.project.sha256),
                "\ngranted_at = ", quoted(grant.granted_at), "\n");
  }
  return text;
}

std::vector<TrustGrant> withGrant(std::vector<TrustGrant> grants, TrustGrant grant) {
  std::erase_if(grants, [&](const TrustGrant& old) {
    return old.project.directory == grant.project.directory;
  });
  grants.push_back(std::move(grant));
  return grants;
}

}  // namespace ak::config
