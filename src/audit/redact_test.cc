#include "audit/redact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace ak::audit {
namespace {

using Words = std::vector<std::string>;

struct Case {
  Words given;
  Words shown;
};

TEST(RedactorTest, TakesSecretsOutAndLeavesTheRest) {
  const std::string github = cat("ghp_", std::string(36, 'a'));
  const std::vector<Case> cases = {
      {{"ls", "-la", "/tmp"}, {"ls", "-la", "/tmp"}},
      {{"git", "commit", "-m", "key: value is fine to say"},
       {"git", "commit", "-m", "key: [redacted]"}},
      {{"env", "PGPASSWORD=hunter2", "psql"}, {"env", "PGPASSWORD=[redacted]", "psql"}},
      {{"env", "CC=clang", "make"}, {"env", "CC=[redacted]", "make"}},
      {{"cmake", "-DCMAKE_BUILD_TYPE=Release"}, {"cmake", "-DCMAKE_BUILD_TYPE=Release"}},
      {{"app", "--password", "hunter 2", "--port", "80"},
       {"app", "--password", "[redacted]", "--port", "80"}},
      {{"app", "--db-password=x y"}, {"app", "--db-password=[redacted]"}},
      {{"app", "--api-key", "k"}, {"app", "--api-key", "[redacted]"}},
      {{"app", "--max-tokens", "100"}, {"app", "--max-tokens", "100"}},
      {{"curl", "-u", "ann:hunter2", "host"}, {"curl", "-u", "ann:[redacted]", "host"}},
      {{"curl", "-uann:hunter2"}, {"curl", "-uann:[redacted]"}},
      {{"sort", "-u", "file"}, {"sort", "-u", "file"}},
      {{"mysql", "-u", "root", "-phunter2", "db"}, {"mysql", "-u", "root", "-p[redacted]", "db"}},
      {{"/usr/bin/mysqldump", "-phunter 2", "-P80"},
       {"/usr/bin/mysqldump", "-p[redacted]", "-P80"}},
      {{"mariadb", "-p", "db"}, {"mariadb", "-p", "db"}},
      {{"sshpass", "-p", "hunter 2", "ssh", "-p", "22"},
       {"sshpass", "-p", "[redacted]", "ssh", "-p", "22"}},
      {{"sh", "-c", "mysql -p'hunter 2' db < x; echo -p"},
       {"sh", "-c", "mysql -p[redacted] db < x; echo -p"}},
      {{"mkdir", "-pv", "/srv/mysql"}, {"mkdir", "-pv", "/srv/mysql"}},
      {{"curl", "-H", "Authorization: Bearer abc def"},
       {"curl", "-H", "Authorization: [redacted]"}},
      {{"curl", "-H", "X-Api-Key: abc"}, {"curl", "-H", "X-Api-Key: [redacted]"}},
      {{"curl", "-H", "Accept: text/plain"}, {"curl", "-H", "Accept: text/plain"}},
      {{"curl", "-d", R"({"user":"ann","password":"hunter 2","n":1})"},
       {"curl", "-d", R"({"user":"ann","password": [redacted],"n":1})"}},
      {{"curl", "https://ann:hunter2@host/a?x=1&token=abc&y=2"},
       {"curl", "https://[redacted]@host/a?x=1&token=[redacted]&y=2"}},
      {{"curl", "https://host/a?key=abc"}, {"curl", "https://host/a?key=[redacted]"}},
      {{"git", "clone", "https://host/a.git"}, {"git", "clone", "https://host/a.git"}},
      {{"echo", github}, {"echo", "[redacted]"}},
      {{"echo", cat("x=", github, ";")}, {"echo", "x=[redacted];"}},
      {{"echo", "sk-short"}, {"echo", "sk-short"}},
      {{"echo", cat("sk-proj-", std::string(40, 'x'))}, {"echo", "[redacted]"}},
      {{"echo", "AKIAIOSFODNN7EXAMPLE"}, {"echo", "[redacted]"}},
      {{"echo", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdef"}, {"echo", "[redacted]"}},
      {{"echo", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n"}, {"echo", "[redacted]"}},
      {{"sh", "-c", "TOKEN='a b' app --password \"c d\" && echo done"},
       {"sh", "-c", "TOKEN=[redacted] app --password [redacted] && echo done"}},
      {{"sh", "-c", "curl -H \"Authorization: Basic YWJj\" host | jq ."},
       {"sh", "-c", "curl -H \"Authorization: [redacted]\" host | jq ."}},
      {{"sh", "-c", "export FOO=bar; echo x"}, {"sh", "-c", "export FOO=[redacted]; echo x"}},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(Redactor().command(each.given).arguments, each.shown) << join(each.given, " ");
  }
}

TEST(RedactorTest, TakesOutWhatTheOwnerConfigured) {
  const Redactor redactor({"--licence", "dsn", "corp_*"});
  EXPECT_EQ(redactor.command({"app", "--licence", "x", "-dsn=y", "corp_9"}).arguments,
            (Words{"app", "--licence", "[redacted]", "-dsn=[redacted]", "[redacted]"}));
  EXPECT_EQ(redactor.command({"app", "corp_1,corp"}).redacted, 1U);
}

TEST(RedactorTest, WithoutItsRulesItShowsTheProgramOnly) {
  EXPECT_EQ(Redactor::everything().command({"app", "a", "b"}).arguments,
            (Words{"app", "[redacted]", "[redacted]"}));
}

TEST(RedactorTest, BoundsWhatItShowsAndCountsTheRest) {
  const std::string large(1024 * 1024, 'x');
  const RedactedCommand one = Redactor().command({"echo", large});
  EXPECT_EQ(one.arguments[1].size(), Redactor::kMaxArgument);
  EXPECT_EQ(one.missing_bytes, large.size() - Redactor::kMaxArgument);
  const RedactedCommand many = Redactor().command(Words(1000, "word"));
  EXPECT_EQ(many.arguments.size(), Redactor::kMaxArguments);
  EXPECT_EQ(many.missing_bytes, (1000 - Redactor::kMaxArguments) * 4);
}

// A token that begins within what is shown and ends beyond it is not shown in part.
TEST(RedactorTest, ASecretAtTheCutIsNotShownInPart) {
  for (std::size_t before = 1000; before < 1024; ++before) {
    const std::string argument = cat(std::string(before, ' '), "ghp_", std::string(36, 'a'));
    const RedactedCommand shown = Redactor().command({"echo", argument});
    EXPECT_EQ(shown.arguments[1].find("ghp_"), std::string::npos) << before;
  }
}

}  // namespace
}  // namespace ak::audit
