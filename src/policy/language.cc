#include "policy/language.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "policy/command_policy.h"
#include "policy/language_table.h"

namespace ak::policy {

namespace {

const Language* languageOfExactWord(std::string_view word) {
  for (const Language& language : languages()) {
    if (std::ranges::find(language.commands, word) != language.commands.end()) {
      return &language;
    }
  }
  return nullptr;
}

// `python3.12`, `node22` and `gcc-14` are what distributions call python, node and gcc.
const Language* languageOfWord(std::string_view word) {
  word = commandName(word);
  if (const Language* language = languageOfExactWord(word)) {
    return language;
  }
  const std::size_t last = word.find_last_not_of("0123456789.");
  if (last == std::string_view::npos || last + 1 == word.size()) {
    return nullptr;
  }
  word = word.substr(0, word[last] == '-' ? last : last + 1);
  return languageOfExactWord(word);
}

bool matches(std::string_view name, std::string_view pattern) {
  if (!pattern.starts_with('*')) {
    return name == pattern;
  }
  pattern.remove_prefix(1);
  return name.size() > pattern.size() && name.ends_with(pattern);
}

std::optional<ImageAnswer> byProjectFiles(const std::vector<std::string>& names) {
  for (const Evidence evidence : {Evidence::Project, Evidence::Source, Evidence::Incidental}) {
    for (const Language& language : languages()) {
      for (const FilePattern& file : language.files) {
        const auto fits = [&](const std::string& name) { return matches(name, file.pattern); };
        if (file.evidence != evidence) {
          continue;
        }
        if (const auto found = std::ranges::find_if(names, fits); found != names.end()) {
          return ImageAnswer{std::string(language.image), ImageRule::ProjectFile,
                             cat("found ", printable(*found))};
        }
      }
    }
  }
  return std::nullopt;
}

// `web: FOO=1 python app.py`: the process type, then settings, then the command.
std::string_view procfileCommand(std::string_view line) {
  line = trim(line);
  const std::size_t colon = line.find(':');
  if (line.starts_with('#') || colon == std::string_view::npos) {
    return {};
  }
  for (const std::string_view word : split(line.substr(colon + 1), ' ')) {
    const std::string_view plain = trim(word);
    if (!plain.empty() && !plain.contains('=')) {
      return plain;
    }
  }
  return {};
}

std::optional<ImageAnswer> byProcfile(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    const std::string_view word = procfileCommand(line);
    if (const Language* language = word.empty() ? nullptr : languageOfWord(word)) {
      return ImageAnswer{std::string(language->image), ImageRule::Procfile,
                         cat("the Procfile runs ", printable(word))};
    }
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> imageOfRuntime(std::string_view runtime) {
  std::vector<std::string_view> words;
  std::string accepted;
  for (const Language& language : languages()) {
    if (!language.runtime.empty() && language.runtime == runtime) {
      return std::string(language.image);
    }
    if (!language.runtime.empty()) {
      words.push_back(language.runtime);
      accepted += cat(accepted.empty() ? "" : ", ", language.runtime);
    }
  }
  const std::string_view nearest = nearestWord(toLower(runtime), words);
  return fail(ErrorCode::InvalidArgument, cat("unknown runtime '", printable(runtime), "'"),
              cat(nearest.empty() ? std::string() : cat("Did you mean '", nearest, "'? "),
                  "Use one of: ", accepted, "; or name an image with base_image."));
}

Result<ImageAnswer> chooseImage(const ImageQuestion& question) {
  if (!question.flag.empty()) {
    return ImageAnswer{question.flag, ImageRule::Flag, "asked for"};
  }
  if (!question.config_image.empty()) {
    return ImageAnswer{question.config_image, ImageRule::Config, "base_image of the configuration"};
  }
  if (!question.config_runtime.empty()) {
    return ImageAnswer{AK_TRY(imageOfRuntime(question.config_runtime)), ImageRule::Config,
                       cat("runtime '", question.config_runtime, "' of the configuration")};
  }
  if (!question.command.empty()) {
    if (const Language* language = languageOfWord(question.command[0])) {
      return ImageAnswer{std::string(language->image), ImageRule::Command,
                         cat("the command is ", printable(commandName(question.command[0])))};
    }
  }
  if (auto answer = byProjectFiles(question.file_names)) {
    return *std::move(answer);
  }
  if (auto answer = byProcfile(question.procfile)) {
    return *std::move(answer);
  }
  return ImageAnswer{std::string(kDefaultImage), ImageRule::Default, "nothing says otherwise"};
}

}  // namespace ak::policy
