#pragma once

#include <span>
#include <string_view>

namespace ak::policy {

// How surely files of a kind say what a project is written in. A Makefile or a C header stands in
// projects of every language, so it speaks only when nothing else does.
enum class Evidence { Project, Source, Incidental };

struct FilePattern {
  std::string_view pattern;  // a file name, or `*.ext`
  Evidence evidence = Evidence::Project;
};

struct Language {
  std::string_view runtime;  // word of [sandbox] runtime, "" when it has none
  std::string_view image;    // the one place where versions are written
  std::span<const std::string_view> commands;
  std::span<const FilePattern> files;
};

inline constexpr std::string_view kDefaultImage = "alpine:3.24";

// In order of precedence among equal evidence.
std::span<const Language> languages();

}  // namespace ak::policy
