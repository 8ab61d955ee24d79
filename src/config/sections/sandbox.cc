#include "config/sections/sandbox.h"

#include "base/text.h"

namespace ak::config {

namespace {

constexpr KeySpec kKeys[] = {
    {"name", "string", "none", Where::ProjectOnly, "Name of the sandbox when one is kept."},
    {"base_image", "string", "detected", Where::Both, "Image to run; wins over `runtime`."},
    {"runtime", "base, python, node, go, rust, ruby, java, c or dotnet", "detected", Where::Both,
     "Picks the image of a language."},
    {"command", "list of strings", "none", Where::ProjectOnly,
     "What `run` starts when no command is given."},
    {"init_script", "string", "none", Where::ProjectOnly,
     "Shell script to run inside, as uid 0, after each start; if it fails, so does the start."},
};

}  // namespace

const SectionSpec kSandboxSpec = {"sandbox", SectionSpec::Shape::Table, kKeys};

Status readSandbox(const SectionReader& reader, SandboxSection& out) {
  out.name = AK_TRY(reader.string("name"));
  out.base_image = AK_TRY(reader.string("base_image"));
  out.runtime = AK_TRY(reader.string("runtime"));
  out.command = AK_TRY(reader.strings("command"));
  if (out.command && out.command->value.empty()) {
    return reader.context().invalid(reader.find("command")->at, "sandbox.command is empty",
                                    "Name a program, or leave the key out.");
  }
  out.init_script = AK_TRY(reader.string("init_script"));
  return {};
}

}  // namespace ak::config
