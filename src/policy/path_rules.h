#pragma once

#include <string_view>

namespace ak::policy {

// Rules on canonical paths as text: absolute, no `.`, `..` or empty component, no trailing slash,
// no NUL. The caller resolves links (realpath) first; these functions never touch a file system.

bool isCanonical(std::string_view path);

// `path` is `directory` or lies below it, by components: /home/ab is not within /home/a.
bool isWithin(std::string_view path, std::string_view directory);

// The part of `path` below `directory`; empty when they are the same. Needs isWithin.
std::string_view relativeTo(std::string_view path, std::string_view directory);

// A relative path with only real components: not empty, not absolute, no `.` or `..`, no NUL.
bool isPlainRelative(std::string_view path);

}  // namespace ak::policy
