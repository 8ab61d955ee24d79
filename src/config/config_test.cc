#include "config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/foreign_sections.h"

namespace ak::config {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(ConfigTest, AnEmptyFileSaysNothing) {
  const auto project = parseProject("agentkernel.toml", "");
  ASSERT_TRUE(project);
  ProjectConfig nothing;
  nothing.path = "agentkernel.toml";
  EXPECT_EQ(*project, nothing);
  EXPECT_TRUE(parseUser("config.toml", ""));
}

TEST(ConfigTest, AProjectSaysWhatItNeeds) {
  const auto config = parseProject("/p/agentkernel.toml", R"(
[sandbox]
name = "demo"
base_image = "python:3.12-alpine"
command = ["python3", "main.py"]
[resources]
vcpus = 2
memory_mb = 256
pids = 64
disk_mb = 100
[security]
profile = "restrictive"
network = false
mount = "ro"
seccomp = "ai-agent"
read_only = true
pass_env = false
[security.commands]
block = ["curl"]
[[files]]
source = "data.txt"
dest = "/etc/data"
mode = "0600"
[[files]]
source = "more.txt"
dest = "/etc/more"
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->sandbox.name->value, "demo");
  EXPECT_EQ(config->sandbox.base_image->origin.text(), "/p/agentkernel.toml:4");
  EXPECT_THAT(config->sandbox.command->value, testing::ElementsAre("python3", "main.py"));
  EXPECT_EQ(config->resources.cpu_percent->value, 200U);
  EXPECT_EQ(config->resources.memory_bytes->value, std::uint64_t{256} << 20U);
  EXPECT_EQ(config->security.profile->value, model::Profile::Restrictive);
  EXPECT_EQ(config->security.network->value, model::NetworkMode::None);
  EXPECT_EQ(config->security.mount->value, model::WorkspaceMode::ReadOnly);
  EXPECT_EQ(config->security.seccomp->value, model::SeccompSet::AiAgent);
  EXPECT_THAT(config->commands.block->value, testing::ElementsAre("curl"));
  EXPECT_EQ(config->commands.origin.line, 18U);
  ASSERT_EQ(config->files.size(), 2U);
  EXPECT_EQ(config->files[0].mode, 0600U);
  EXPECT_EQ(config->files[1].mode, 0644U);
  EXPECT_THAT(config->warnings, IsEmpty());
}

TEST(ConfigTest, TheUserSaysWhatTheHostGives) {
  const auto config = parseUser("config.toml", R"(
[pool]
size = 4
max = 16
[limits]
memory_mb = 1024
cpu_percent = 150
host_sandboxes = 20
[log]
level = "debug"
max_mb = 2
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->pool.size->value, 4U);
  EXPECT_EQ(config->limits.memory_bytes->value, std::uint64_t{1} << 30U);
  EXPECT_EQ(config->limits.host_sandboxes->value, 20U);
  EXPECT_EQ(config->log.level->value, LogLevel::Debug);
  EXPECT_EQ(config->log.max_bytes->value, std::uint64_t{2} << 20U);
}

struct Golden {
  std::string_view text;
  ErrorCode code;
  std::string_view message;
  std::string_view remedy;  // a part of it
};

TEST(ConfigTest, ErrorsOfAProjectAreGolden) {
  using enum ErrorCode;
  for (const Golden& golden : {
           Golden{"[sandbox]\nnam = 'x'", InvalidArgument,
                  "a.toml:2:1: unknown key 'nam' in [sandbox]", "Did you mean 'name'?"},
           Golden{"[secruity]\n", InvalidArgument, "a.toml:1:2: unknown section 'secruity'",
                  "Did you mean 'security'?"},
           Golden{"name = 'x'", InvalidArgument, "a.toml:1:1: unknown section 'name'",
                  "docs/configuration.md"},
           Golden{"[resources]\nmemory_mb = '512'", InvalidArgument,
                  "a.toml:2:13: resources.memory_mb is a string", "Write a whole number from 1 to"},
           Golden{"[resources]\nmemory_mb = -1", InvalidArgument,
                  "a.toml:2:13: resources.memory_mb is -1", "Write a whole number"},
           Golden{"[resources]\nvcpus = 1.5", InvalidArgument,
                  "a.toml:2:9: resources.vcpus is a decimal number", "Write a whole number"},
           Golden{"[resources]\nvcpus = 1\ncpu_percent = 50", InvalidArgument,
                  "a.toml:3:15: vcpus and cpu_percent are both given", "Keep one"},
           Golden{"[security]\nprofile = 'moderat'", InvalidArgument,
                  "a.toml:2:11: security.profile: unknown profile 'moderat'", "moderate"},
           Golden{"[security]\nprofile = 3", InvalidArgument,
                  "a.toml:2:11: security.profile is a whole number", "a string"},
           Golden{"[security]\nmount_home = true", Unsupported,
                  "a.toml:2:14: the home directory is never mounted", "[[files]]"},
           Golden{
               "[security.commands]\nblock = ['/bin/rm']", InvalidArgument,
               "a.toml:2:9: security.commands.block: '/bin/rm' is not the base name of a command",
               "curl"},
           Golden{"[security.commands]\nblocked = []", InvalidArgument,
                  "a.toml:2:1: unknown key 'blocked' in [security.commands]",
                  "Did you mean 'block'?"},
           Golden{"[security.commands]\nblock = 'rm'", InvalidArgument,
                  "a.toml:2:9: security.commands.block is a string", "a list of strings"},
           Golden{"[security.domains]\nallow = ['a.example']", Unsupported,
                  "a.toml:1:11: [security.domains] is not offered by this build", "network"},
           Golden{"[security.transport]\nrequire_encrypted = true", Unsupported,
                  "a.toml:1:11: [security.transport] is not offered by this build", "Take"},
           Golden{"[api.tls]\nenabled = true", Unsupported,
                  "a.toml:1:2: [api] is not offered by this build", "Take"},
           Golden{"[agent]\ncompatibility_mode = 'codex'", Unsupported,
                  "a.toml:1:2: [agent] is not offered by this build", "security.profile"},
           Golden{"[secrets]\nTOKEN = 'api.example'", Unsupported,
                  "a.toml:1:2: [secrets] is not offered by this build", "Take"},
           Golden{"[pool]\nsize = 9", PermissionDenied,
                  "a.toml:2:1: a project may not set pool.size", "user configuration"},
           Golden{"[limits]\nmemory_mb = 9", PermissionDenied,
                  "a.toml:2:1: a project may not set limits.memory_mb", "user configuration"},
           Golden{"[log]\nlevel = 'debug'", PermissionDenied,
                  "a.toml:2:1: a project may not set log.level", "user configuration"},
           Golden{"[[files]]\nsource = 'a'", InvalidArgument,
                  "a.toml:1:1: an entry of [[files]] lacks source or dest", "Give both"},
           Golden{"[files]\nsource = 'a'", InvalidArgument,
                  "a.toml:1:1: files is not a list of at most 1000 tables", "[[files]]"},
           Golden{"[[files]]\nsource='a'\ndest='/b'\nmode='4755'", InvalidArgument,
                  "a.toml:4:6: files.mode is not a file mode", "octal"},
           Golden{"sandbox = 3", InvalidArgument, "a.toml:1:11: sandbox is a whole number",
                  "[sandbox]"},
           Golden{"[sandbox]\ncommand = []", InvalidArgument,
                  "a.toml:2:11: sandbox.command is empty", "Name a program"},
           Golden{"security = 1", InvalidArgument, "a.toml:1:12: security is a whole number",
                  "[security]"},
       }) {
    const auto config = parseProject("a.toml", golden.text);
    ASSERT_FALSE(config) << golden.text;
    EXPECT_EQ(config.error().message, golden.message);
    EXPECT_EQ(config.error().code, golden.code) << golden.text;
    EXPECT_THAT(config.error().remedy, HasSubstr(golden.remedy)) << golden.text;
  }
}

TEST(ConfigTest, ABrokenUserConfigurationIsAlwaysAnError) {
  for (const char* text :
       {"[security.commands]\nblok = ['curl']", "x", "[pool]\nsize = 'many'", "[unknown]",
        "[pool]\nsize = 9\nmax = 3", "[sandbox]\nname = 'x'", "[agent]\npreferred = 'claude'",
        "[security.domains]", "[log]\nlevel = 'loud'"}) {
    const auto config = parseUser("config.toml", text);
    ASSERT_FALSE(config) << text;
    EXPECT_THAT(config.error().message,
                HasSubstr("the user configuration is broken: config.toml:"));
    EXPECT_FALSE(config.error().remedy.empty()) << text;
  }
}

TEST(ConfigTest, EveryForeignSectionIsAnErrorForTheUserAndAWarningInAQuietProject) {
  for (const ForeignSection& section : foreignSections()) {
    const std::string text = "[" + std::string(section.path) + "]\n";
    const auto user = parseUser("c", text);
    ASSERT_FALSE(user) << text;
    EXPECT_EQ(user.error().code, ErrorCode::Unsupported);
    const auto project = parseProject("p", text);
    ASSERT_TRUE(project) << text;
    EXPECT_THAT(project->warnings, testing::ElementsAre(HasSubstr("was ignored"))) << text;
  }
}

TEST(ConfigTest, RestrictionsThatAreSwitchedOffAreOnlyWarnings) {
  const auto config = parseProject("p",
                                   "[security.domains]\nallow = []\nallowlist_only = false\n"
                                   "[api.tls]\nenabled = false\n[agent]\npreferred = 'claude'\n"
                                   "[[schedule]]\nid = 'x'\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->warnings.size(), 4U);
}

TEST(ConfigTest, OlderSpellingsAreUnderstood) {
  const auto config = parseProject("p", "[security]\nnetwork = true\nmount_cwd = false\n");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->security.network->value, model::NetworkMode::None);
  EXPECT_EQ(config->security.mount->value, model::WorkspaceMode::None);
  EXPECT_THAT(config->warnings, testing::ElementsAre(HasSubstr("no network until")));
  EXPECT_EQ(parseProject("p", "[security]\nmount_cwd = true")->security.mount->value,
            model::WorkspaceMode::Cow);
}

TEST(ConfigTest, AnAllowListThatRefusesNothingIsReported) {
  const auto config = parseProject("p", "[security.commands]\nallow = ['ls']");
  ASSERT_TRUE(config);
  EXPECT_THAT(config->warnings, testing::ElementsAre(HasSubstr("allowlist_only = true")));
}

TEST(ConfigTest, LongListsAndStringsAreBounded) {
  std::string list = "[security.commands]\nblock = [";
  for (int i = 0; i < 1001; ++i) {
    list += "'a',";
  }
  EXPECT_FALSE(parseProject("p", list + "]"));
  EXPECT_FALSE(parseProject("p", "[sandbox]\nname = '" + std::string(5000, 'x') + "'"));
  EXPECT_FALSE(parseProject("p", "[sandbox]\nname = ''"));
  EXPECT_FALSE(parseProject("p", "[sandbox]\nname = \"a\\u0000b\""));
}

TEST(AuditSectionTest, IsTheOwnersAndStrict) {
  const auto config = parseUser("config.toml", R"(
[audit]
enabled = false
max_mb = 2
max_files = 3
on_failure = "refuse"
redact = ["--licence", "corp_*"]
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_FALSE(config->audit.enabled->value);
  EXPECT_EQ(config->audit.max_bytes->value, std::uint64_t{2} << 20U);
  EXPECT_EQ(config->audit.max_files->value, 3U);
  EXPECT_EQ(config->audit.on_failure->value, AuditFailure::Refuse);
  EXPECT_EQ(config->audit.redact->value.size(), 2U);
  for (const char* wrong :
       {"enable = false", "on_failure = 'ignore'", "redact = ['*']", "redact = ['']",
        "redact = ['a b']", "redact = ['A=b']", "max_mb = 0", "max_files = 0"}) {
    EXPECT_FALSE(parseUser("config.toml", std::string("[audit]\n") + wrong)) << wrong;
  }
  EXPECT_EQ(parseProject("agentkernel.toml", "[audit]\nenabled = false\n").error().code,
            ErrorCode::PermissionDenied);
}

}  // namespace
}  // namespace ak::config
