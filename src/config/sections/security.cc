#include "config/sections/security.h"

#include "base/text.h"

namespace ak::config {

namespace {

using model::NetworkMode;
using model::WorkspaceMode;

constexpr KeySpec kKeys[] = {
    {"profile", "permissive, moderate, restrictive or custom", "moderate", Where::Both,
     "The set of permissions to start from."},
    {"network", "none, full, true or false", "none", Where::Both,
     "`full` gives an interface; `true` is `none` until the egress door exists."},
    {"mount", "cow, rw, ro or none", "cow", Where::Both, "How the working directory is mounted."},
    {"mount_cwd", "true or false", "true", Where::Both, "Older form: true is `cow`, false `none`."},
    {"mount_home", "false", "false", Where::Both, "The home directory is never mounted."},
    {"seccomp", "default, moderate, restrictive or ai-agent", "of the profile", Where::Both,
     "Set of system calls."},
    {"read_only", "true or false", "of the profile", Where::Both, "Read-only root file system."},
    {"pass_env", "true or false", "of the profile", Where::Both,
     "Pass PATH, HOME, USER, LANG, LC_ALL and TERM of the client."},
    {"commands", "table", "none", Where::Both, "See [security.commands]."},
    {"domains", "table", "none", Where::Both, "Unsupported until the egress door exists."},
    {"transport", "table", "none", Where::Both, "Unsupported: there is no SSH transport."},
};

// `true` and `false` are older spellings of a mode.
Status readNetwork(const SectionReader& reader, SecuritySection& out) {
  const Value* value = reader.find("network");
  if (value == nullptr || value->kind != Value::Kind::Boolean) {
    out.network = AK_TRY(reader.word<NetworkMode>("network", model::parseNetworkMode));
    return {};
  }
  out.network = {NetworkMode::None, reader.context().origin(value->at)};
  if (value->boolean) {
    reader.context().warn(value->at,
                          "security.network = true means no network until the egress door exists; "
                          "\"full\" gives an interface");
  }
  return {};
}

Status readMount(const SectionReader& reader, SecuritySection& out) {
  out.mount = AK_TRY(reader.word<WorkspaceMode>("mount", model::parseWorkspaceMode));
  const auto older = AK_TRY(reader.boolean("mount_cwd"));
  if (older && out.mount) {
    return reader.context().invalid(reader.find("mount_cwd")->at,
                                    "mount and mount_cwd are both given", "Keep mount.");
  }
  if (older) {
    out.mount = {older->value ? WorkspaceMode::Cow : WorkspaceMode::None, older->origin};
  }
  const auto home = AK_TRY(reader.boolean("mount_home"));
  if (home && home->value) {
    return fail(ErrorCode::Unsupported,
                cat(home->origin.precise(), ": the home directory is never mounted"),
                "Take mount_home out; name the files that are needed in [[files]].");
  }
  return {};
}

}  // namespace

const SectionSpec kSecuritySpec = {"security", SectionSpec::Shape::Table, kKeys};

Status readSecurity(const SectionReader& reader, SecuritySection& out) {
  out.profile = AK_TRY(reader.word<model::Profile>("profile", model::parseProfile));
  AK_TRY(readNetwork(reader, out));
  AK_TRY(readMount(reader, out));
  out.seccomp = AK_TRY(reader.word<model::SeccompSet>("seccomp", model::parseSeccompSet));
  out.read_only = AK_TRY(reader.boolean("read_only"));
  out.pass_env = AK_TRY(reader.boolean("pass_env"));
  return {};
}

}  // namespace ak::config
