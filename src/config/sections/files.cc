#include "config/sections/files.h"

#include "base/text.h"

namespace ak::config {

namespace {

constexpr KeySpec kKeys[] = {
    {"source", "path", "required", Where::Both,
     "File to read, relative to this configuration's directory."},
    {"dest", "absolute path", "required", Where::Both, "Where it stands in the sandbox."},
    {"mode", "octal string", "\"0644\"", Where::Both, "Permission bits."},
};

Result<std::uint32_t> parseMode(const SectionReader& reader, const Setting<std::string>& text) {
  const auto bits = parseNumber<std::uint32_t>(text.value, 8);
  if (!bits || text.value.size() > 4 || *bits > 0777U) {
    return reader.context().invalid(reader.find("mode")->at, "files.mode is not a file mode",
                                    "Write octal permission bits, for instance \"0644\".");
  }
  return *bits;
}

}  // namespace

const SectionSpec kFilesSpec = {"files", SectionSpec::Shape::ArrayOfTables, kKeys};

Status readFileEntry(const SectionReader& reader, std::vector<FileEntry>& out) {
  auto source = AK_TRY(reader.string("source"));
  auto destination = AK_TRY(reader.string("dest"));
  const auto mode = AK_TRY(reader.string("mode"));
  if (!source || !destination) {
    return reader.context().invalid(reader.at(), "an entry of [[files]] lacks source or dest",
                                    "Give both.");
  }
  FileEntry entry{*std::move(source), *std::move(destination)};
  if (mode) {
    entry.mode = AK_TRY(parseMode(reader, *mode));
  }
  out.push_back(std::move(entry));
  return {};
}

}  // namespace ak::config
