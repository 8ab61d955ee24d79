#include "policy/language_table.h"

#include <array>

namespace ak::policy {

namespace {

using enum Evidence;
using Words = const std::string_view[];
using Patterns = const FilePattern[];

constexpr Words kNodeCommands = {"node", "npm", "npx", "yarn", "pnpm", "bun", "tsx", "ts-node"};
constexpr Patterns kNodeFiles = {{"package.json"},   {"package-lock.json"}, {"yarn.lock"},
                                 {"pnpm-lock.yaml"}, {"bun.lockb"},         {"bun.lock"}};
constexpr Words kRustCommands = {"cargo", "rustc", "rustup", "rustfmt", "clippy"};
constexpr Patterns kRustFiles = {{"Cargo.toml"}, {"Cargo.lock"}};
constexpr Words kGoCommands = {"go", "gofmt"};
constexpr Patterns kGoFiles = {{"go.mod"}, {"go.sum"}};
constexpr Words kPythonCommands = {"python", "python3", "pip",    "pip3",
                                   "poetry", "uv",      "pytest", "ruff"};
constexpr Patterns kPythonFiles = {{"pyproject.toml"}, {"requirements.txt"}, {"setup.py"},
                                   {"setup.cfg"},      {"Pipfile"},          {"poetry.lock"},
                                   {"uv.lock"}};
constexpr Words kRubyCommands = {"ruby", "gem", "bundle", "bundler", "rake", "rails"};
constexpr Patterns kRubyFiles = {{"Gemfile"}, {"Gemfile.lock"}, {"*.gemspec"}};
constexpr Words kJavaCommands = {"java", "javac", "mvn", "gradle", "gradlew"};
constexpr Patterns kJavaFiles = {{"pom.xml"},         {"build.gradle"},        {"build.gradle.kts"},
                                 {"settings.gradle"}, {"settings.gradle.kts"}, {"*.kt", Source}};
constexpr Words kDotnetCommands = {"dotnet", "csc", "fsc"};
constexpr Patterns kDotnetFiles = {{"*.csproj"}, {"*.fsproj"}, {"*.sln"}, {"global.json"}};
constexpr Words kPhpCommands = {"php", "composer"};
constexpr Patterns kPhpFiles = {{"composer.json"}, {"composer.lock"}, {"*.php", Source}};
constexpr Words kElixirCommands = {"elixir", "mix", "iex"};
constexpr Patterns kElixirFiles = {{"mix.exs"}, {"mix.lock"}};
constexpr Words kLuaCommands = {"lua", "luajit", "luarocks"};
constexpr Patterns kLuaFiles = {{".luacheckrc"}, {"*.lua", Source}};
constexpr Words kTerraformCommands = {"terraform"};
constexpr Patterns kTerraformFiles = {
    {"terraform.tfstate"}, {"*.tf", Source}, {"*.tfvars", Source}};
constexpr Words kCCommands = {"gcc", "g++", "clang", "clang++", "make", "cmake", "cc", "c++"};
constexpr Patterns kCFiles = {{"CMakeLists.txt"}, {"configure", Source}, {"*.c", Source},
                              {"*.cpp", Source},  {"*.cc", Source},      {"Makefile", Incidental},
                              {"*.h", Incidental}};
constexpr Words kShellCommands = {"sh", "bash", "zsh", "ash"};
constexpr Patterns kShellFiles = {{"*.sh", Source}};

constexpr std::array<Language, 13> kLanguages = {{
    {"node", "node:22-alpine", kNodeCommands, kNodeFiles},
    {"rust", "rust:1.85-alpine", kRustCommands, kRustFiles},
    {"go", "golang:1.23-alpine", kGoCommands, kGoFiles},
    {"python", "python:3.12-alpine", kPythonCommands, kPythonFiles},
    {"ruby", "ruby:3.3-alpine", kRubyCommands, kRubyFiles},
    {"java", "eclipse-temurin:21-alpine", kJavaCommands, kJavaFiles},
    {"dotnet", "mcr.microsoft.com/dotnet/sdk:8.0", kDotnetCommands, kDotnetFiles},
    {"", "php:8.3-alpine", kPhpCommands, kPhpFiles},
    {"", "elixir:1.16-alpine", kElixirCommands, kElixirFiles},
    {"", "nickblah/lua:5.4-alpine", kLuaCommands, kLuaFiles},
    {"", "hashicorp/terraform:1.10", kTerraformCommands, kTerraformFiles},
    {"c", "gcc:14-bookworm", kCCommands, kCFiles},
    {"base", kDefaultImage, kShellCommands, kShellFiles},
}};

}  // namespace

std::span<const Language> languages() {
  return kLanguages;
}

}  // namespace ak::policy
