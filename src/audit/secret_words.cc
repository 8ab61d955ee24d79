#include "audit/secret_words.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"

namespace ak::audit {

namespace {

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}

bool isUpper(char c) {
  return c >= 'A' && c <= 'Z';
}

bool isAlnum(char c) {
  return isDigit(c) || isUpper(c) || (c >= 'a' && c <= 'z');
}

// Parts of names that say what is behind them.
constexpr std::array<std::string_view, 12> kSecretParts = {
    "password",  "passwd",     "passphrase", "secret",        "token",     "apikey",
    "accesskey", "privatekey", "credential", "authorization", "signature", "cookie"};
constexpr std::array<std::string_view, 8> kSecretNames = {"auth", "key",  "pass", "pwd",
                                                          "sig",  "pswd", "pat",  "jwt"};

// Marks that makers put before their tokens, and how many characters then follow at least.
struct TokenMark {
  std::string_view begin;
  std::size_t least;
};

constexpr std::array<TokenMark, 30> kTokenMarks = {{
    {"sk-", 16},    {"sk_live_", 8}, {"sk_test_", 8}, {"rk_live_", 8}, {"whsec_", 8},
    {"ghp_", 16},   {"gho_", 16},    {"ghu_", 16},    {"ghs_", 16},    {"ghr_", 16},
    {"glpat-", 12}, {"xoxb-", 8},    {"xoxp-", 8},    {"xoxa-", 8},    {"xoxr-", 8},
    {"xoxs-", 8},   {"xapp-", 8},    {"AKIA", 12},    {"ASIA", 12},    {"AIza", 24},
    {"ya29.", 8},   {"npm_", 16},    {"pypi-", 16},   {"hf_", 16},     {"dop_v1_", 16},
    {"gsk_", 16},   {"SG.", 16},     {"shpat_", 16},  {"eyJ", 24},     {"github_pat_", 16},
}};

bool isTokenChar(char c) {
  return isAlnum(c) || c == '_' || c == '-' || c == '.' || c == '+' || c == '/' || c == '=';
}

std::string bare(std::string_view name) {
  std::string result = toLower(name);
  std::erase_if(result, [](char c) { return !isAlnum(c); });
  return result;
}

}  // namespace

bool soundsSecret(std::string_view name) {
  const std::string plain = bare(name);
  if (plain.ends_with("tokens")) {
    return false;
  }
  return std::ranges::any_of(kSecretParts, [&](auto part) { return plain.contains(part); }) ||
         std::ranges::find(kSecretNames, plain) != kSecretNames.end() || plain.ends_with("pass");
}

bool isVariable(std::string_view name) {
  return name.size() > 1 && !isDigit(name.front()) && std::ranges::any_of(name, isUpper) &&
         std::ranges::all_of(name, [](char c) { return isUpper(c) || isDigit(c) || c == '_'; });
}

OptionP optionP(std::string_view program) {
  program.remove_prefix(program.rfind('/') + 1);  // npos + 1 is 0
  if (program == "sshpass") {
    return OptionP::PasswordOrNext;
  }
  // mysql, mysqldump, mariadb-admin, ...: `-p` alone asks on the terminal.
  return program.starts_with("mysql") || program.starts_with("mariadb") ? OptionP::Password
                                                                        : OptionP::Other;
}

MarkedToken findMarkedToken(std::string_view word) {
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (i > 0 && isAlnum(word[i - 1])) {
      continue;
    }
    for (const TokenMark& mark : kTokenMarks) {
      if (!word.substr(i).starts_with(mark.begin)) {
        continue;
      }
      const std::string_view rest = word.substr(i + mark.begin.size());
      const auto end = std::ranges::find_if_not(rest, isTokenChar);
      const auto size = static_cast<std::size_t>(end - rest.begin());
      if (size >= mark.least) {
        return {i, mark.begin.size() + size};
      }
    }
  }
  return {};
}

// Greedy with one step back: as long as both together, at most squared.
bool globMatches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.substr(p).find_first_not_of('*') == std::string_view::npos;
}

}  // namespace ak::audit
