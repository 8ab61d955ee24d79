#include "audit/scrubber.h"

#include <algorithm>
#include <utility>

#include "audit/redact.h"
#include "audit/secret_words.h"
#include "base/text.h"

namespace ak::audit {

namespace {

bool isAlnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool isNameChar(char c) {
  return isAlnum(c) || c == '_' || c == '-' || c == '.';
}

bool isQuote(char c) {
  return c == '"' || c == '\'' || c == '`';
}

bool isSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Ends a word of a shell line.
bool endsWord(char c) {
  return isSpace(c) || isQuote(c) || c == ';' || c == '|' || c == '&' || c == '(' || c == ')' ||
         c == '<' || c == '>' || c == '{' || c == '}' || c == ',' || c == '\\';
}

std::string_view withoutDashes(std::string_view name) {
  const std::size_t first = name.find_first_not_of('-');
  return first == std::string_view::npos ? std::string_view() : name.substr(first);
}

}  // namespace

bool Scrubber::isSecret(std::string_view name) const {
  return soundsSecret(name) || std::ranges::any_of(rules_, [&](const std::string& rule) {
           return withoutDashes(rule) == withoutDashes(name);
         });
}

bool Scrubber::matchesPattern(std::string_view word) const {
  return std::ranges::any_of(rules_, [&](const std::string& rule) {
    return rule.contains('*') && globMatches(rule, word);
  });
}

void Scrubber::mark() {
  out_ += Redactor::kMark;
  ++redacted_;
}

void Scrubber::skipValue() {
  if (at_ < text_.size() && text_[at_] == '\\') {
    ++at_;
  }
  if (at_ < text_.size() && isQuote(text_[at_])) {
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
    return;
  }
  while (at_ < text_.size() && !isSpace(text_[at_]) && !isQuote(text_[at_]) && text_[at_] != ';' &&
         text_[at_] != '&') {
    ++at_;
  }
}

void Scrubber::skipRestOfLine() {
  while (at_ < text_.size() && isSpace(text_[at_]) && text_[at_] != '\n') {
    ++at_;
  }
  if (at_ < text_.size() && isQuote(text_[at_])) {
    skipValue();
    return;
  }
  while (at_ < text_.size() && !isQuote(text_[at_]) && text_[at_] != '\n') {
    ++at_;
  }
}

// mysql -ppassword, sshpass -p password
bool Scrubber::passwordOption(std::string_view word) {
  if (p_ == OptionP::Other || !word.starts_with("-p")) {
    return false;
  }
  const bool whole_argument = at_ == 0;
  const OptionP p = p_;
  if (p == OptionP::PasswordOrNext) {
    p_ = OptionP::Other;  // what comes behind is ssh's
  }
  out_ += "-p";
  at_ += 2;
  if (word.size() > 2 || (at_ < text_.size() && isQuote(text_[at_]))) {
    skipValue();
    at_ = whole_argument ? text_.size() : at_;
    mark();
  } else if (p == OptionP::PasswordOrNext) {
    next_ = Next::Secret;
  }
  return true;
}

// --name=value, --name value, -u user:password
bool Scrubber::option(std::string_view word) {
  if (!word.starts_with('-')) {
    return false;
  }
  const std::string_view name = withoutDashes(word.substr(0, word.find('=')));
  if (word.contains('=')) {
    if (!isSecret(name)) {
      return false;
    }
    const bool whole_argument = at_ == 0;  // not a script, so a space is part of the value
    out_ += word.substr(0, word.find('=') + 1);
    at_ += word.find('=') + 1;
    skipValue();
    at_ = whole_argument ? text_.size() : at_;
    mark();
    return true;
  }
  if (name == "u" || name == "user" || name == "proxy-user") {
    next_ = Next::UserAndPassword;
  } else if (isSecret(name)) {
    next_ = Next::Secret;
  } else if (name.starts_with('u') && name.contains(':')) {
    out_ += word.substr(0, word.find(':') + 1);
    mark();
    at_ += word.size();
    return true;
  } else {
    return false;
  }
  out_ += word;
  at_ += word.size();
  return true;
}

// NAME=value, name: value, "name": "value", and names inside of a URL's query.
bool Scrubber::named(std::string_view word) {
  for (std::size_t equals = word.find('='); equals != std::string_view::npos;
       equals = word.find('=', equals + 1)) {
    std::size_t begin = equals;
    while (begin > 0 && isNameChar(word[begin - 1])) {
      --begin;
    }
    const std::string_view name = word.substr(begin, equals - begin);
    if (isSecret(name) || (begin == 0 && isVariable(name))) {
      plain(word.substr(0, equals + 1));
      skipValue();
      mark();
      return true;
    }
  }
  const std::size_t colon = word.find(':');
  std::string_view name = word.substr(0, colon);
  std::size_t behind = at_ + name.size();
  if (colon == std::string_view::npos) {
    // The closing quote, then the colon.
    while (behind < text_.size() && (isQuote(text_[behind]) || text_[behind] == '\\')) {
      ++behind;
    }
    if (behind == at_ + name.size() || behind >= text_.size() || text_[behind] != ':') {
      return false;
    }
  }
  if (text_.substr(behind).starts_with("://") || !isSecret(name)) {
    return false;
  }
  out_ += text_.substr(at_, behind + 1 - at_);
  at_ = behind + 1;
  skipRestOfLine();
  out_ += ' ';
  mark();
  return true;
}

// A token that carries its maker's mark, or a name and password before a host.
bool Scrubber::marked(std::string_view word) {
  if (matchesPattern(word)) {
    mark();
    at_ += word.size();
    return true;
  }
  if (const std::size_t scheme = word.find("://"); scheme != std::string_view::npos) {
    const std::size_t host = scheme + 3;
    const std::size_t path = word.find_first_of("/?#", host);
    const std::size_t sign = word.substr(0, path).rfind('@');
    if (sign != std::string_view::npos && sign >= host) {
      out_ += word.substr(0, host);
      mark();
      at_ += sign;
      return true;  // the rest is looked at as a word of its own
    }
  }
  if (const MarkedToken token = findMarkedToken(word); token.size != 0) {
    out_ += word.substr(0, token.begin);
    mark();
    at_ += token.begin + token.size;
    return true;
  }
  return false;
}

void Scrubber::plain(std::string_view word) {
  out_ += word;
  at_ += word.size();
}

void Scrubber::word(std::string_view word) {
  const Next expected = std::exchange(next_, Next::Ordinary);
  if (expected == Next::Secret) {
    skipValue();
    mark();
    return;
  }
  if (const std::size_t colon = word.find(':');
      expected == Next::UserAndPassword && colon != std::string_view::npos) {
    out_ += word.substr(0, colon + 1);
    at_ += colon + 1;
    skipValue();
    mark();
    return;
  }
  const std::string lower = toLower(word);
  if (lower == "bearer" || lower == "basic") {
    next_ = Next::Secret;
    plain(word);
    return;
  }
  if (passwordOption(word) || option(word) || marked(word) || named(word)) {
    return;
  }
  if (const OptionP p = optionP(word); p != OptionP::Other) {
    p_ = p;
  }
  plain(word);
}

void Scrubber::words() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    const bool quoted_secret = next_ == Next::Secret && isQuote(c);
    if (endsWord(c) && !quoted_secret) {
      out_ += c;
      ++at_;
      continue;
    }
    std::size_t end = at_;
    while (end < text_.size() && !endsWord(text_[end])) {
      ++end;
    }
    word(text_.substr(at_, end - at_));
  }
}

std::string Scrubber::argument(std::string_view text) {
  text_ = text;
  at_ = 0;
  out_.clear();
  if (next_ == Next::Secret && !text.empty()) {
    next_ = Next::Ordinary;
    mark();  // all of it, spaces too
    return std::move(out_);
  }
  const std::size_t pem = text.find("-----BEGIN ");
  if (pem != std::string_view::npos && text.substr(pem, 64).contains("PRIVATE KEY")) {
    text_ = text.substr(0, pem);
  }
  words();
  if (text_.size() < text.size()) {
    mark();
  }
  return std::move(out_);
}

}  // namespace ak::audit
