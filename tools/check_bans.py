#!/usr/bin/env python3
"""Refuses constructs that this project does not use, each with the reason and where it is allowed.

A ban is a regular expression over one line of code; comments and string contents do not count
unless the ban says so. `allowed` are path prefixes or globs.
"""

import argparse
import dataclasses
import fnmatch
import pathlib
import re
import sys

TESTS = ("*_test.cc", "*_fuzz.cc", "tests/*")


@dataclasses.dataclass(frozen=True)
class Ban:
    pattern: str
    why: str
    allowed: tuple = ()
    only: tuple = ()  # when given, the ban holds in these paths alone
    raw: bool = False  # also in comments and strings
    unless: str = ""  # a comment on the same line with these words lifts the ban


BANS = (
    Ban(r"(?<![\w.>])(?:::)?(?:fork|vfork)\s*\(|(?<![\w.>:])(?:::)?(?:clone|clone3|setns|unshare)\s*\(|"
        r"SYS_(?:clone3?|fork|vfork|setns|unshare)\b",
        "processes and namespaces are made in os, launch, guest and the unpack helper, where the rules "
        "for children hold",
        ("src/os/*", "src/launch/*", "src/sys/*", "guest/*", "bench/*", "src/image/confine.cc",
         "src/image/unpack_child.cc") + TESTS),
    Ban(r"\b(?:secure_)?getenv\s*\(|\bsetenv\s*\(|\bputenv\s*\(|\benviron\b",
        "only src/env reads the environment: a daemon must not depend on whose shell started it",
        ("src/env/*", "bench/*") + TESTS),
    Ban(r"std::(?:cout|cerr|clog)\b|(?<![\w:])(?:std::)?(?:printf|puts|putchar)\s*\(|"
        r"\bfmt::print(?:ln)?\s*\(|\bf(?:printf|puts)\s*\(",
        "printing happens in src/cli/output and in mains; libraries return values",
        ("src/cli/output*", "src/main_*", "src/launch/main.cc", "guest/main.cc", "bench/*",
         "*_bench.cc") + TESTS),
    Ban(r"(?<![\w.>])(?:::|std::)?(?:system|popen)\s*\(",
        "a shell between us and a program is an injection; spawn with an argument vector", TESTS),
    Ban(r"(?:thread\w*|[)}])\s*\.\s*detach\s*\(\s*\)",
        "a detached thread has no owner that ends it"),
    Ban(r"asio::detached\b|\bco_spawn\s*\([^;]*\bdetached\b",
        "a detached coroutine has no owner that cancels it; spawn through net's task helpers",
        ("src/net/*", "*_test.cc", "tests/*", "bench/*")),
    Ban(r"std::(?:basic_)?w?regex\b|#\s*include\s*<regex>",
        "std::regex recurses on hostile input"),
    Ban(r"\b(?:sleep_for|sleep_until|usleep|nanosleep)\s*\(|(?<![\w.>:])(?:::)?sleep\s*\(",
        "a test that sleeps is slow or flaky: wait on a descriptor or a fake clock (a sleep that "
        "waits for nothing says so: \"not synchronisation\")",
        only=TESTS, unless="not synchronisation"),
    Ban(r"co_await\s+[\w:.>\-]+\s*\(\s*(?:[\w:]+(?:<[^<>]*>)?\s*)?\{",
        "a braced temporary in a co_await expression is miscompiled by g++ 12 and destroyed in "
        "surprising order elsewhere: name it first"),
    Ban(r"\b(?:strcpy|strcat|sprintf|vsprintf|gets|strtok|tmpnam|mktemp)\s*\(",
        "no bound on what it writes, or hidden state"),
    Ban(r"\bcatch\s*\(\s*\.\.\.\s*\)\s*\{\s*\}", "swallows every error"),
    Ban(r"#\s*include\s*<(?!(?:arpa|asm|linux|net|netinet|sys|boost|nlohmann|isa-l|toml\+\+|gtest|gmock)/)"
        r"[\w+.-]+/",
        "not a library of docs/dependencies.md: it is on your machine by chance"),
    Ban(r"#\s*include\s*<sodium", "docs/dependencies.md: crypto wraps it", ("src/crypto/*",)),
    Ban(r"#\s*include\s*<sqlite3", "docs/dependencies.md: store wraps it", ("src/store/*",)),
    Ban(r"#\s*include\s*<seccomp\.h", "docs/dependencies.md: os wraps it", ("src/os/*",)),
    Ban(r"#\s*include\s*<(?:zstd|isa-l)", "docs/dependencies.md: image wraps it", ("src/image/*",)),
    Ban(r"#\s*include\s*<toml\+\+", "docs/dependencies.md: config wraps it", ("src/config/*",)),
    Ban(r"\b(?:TODO|FIXME|XXX|HACK)\b",
        "finish it, or write down in the README what is not there", raw=True),
)

# Order matters: raw strings first, then ordinary literals, then comments.
LITERALS = re.compile(
    r'R"(?P<tag>[^(\s]{0,16})\((?:.|\n)*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|'
    r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'|//[^\n]*|/\*(?:.|\n)*?\*/")


def code_only(text):
    """The text with comments and the insides of literals blanked; line numbers stay."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    lines = text.split("\n")
    includes = {i: line for i, line in enumerate(lines) if line.lstrip().startswith("#")}
    stripped = LITERALS.sub(blank, text).split("\n")
    for i, line in includes.items():
        if "include" in line:
            stripped[i] = line
    return "\n".join(stripped)


def matches(path, globs):
    return any(fnmatch.fnmatch(path, glob) for glob in globs)


def check_text(path, text):
    """Problems in one file as (line number, message)."""
    problems = []
    lines = text.split("\n")
    stripped = code_only(text)
    for ban in BANS:
        if matches(path, ban.allowed) or (ban.only and not matches(path, ban.only)):
            continue
        for match in re.finditer(ban.pattern, text if ban.raw else stripped):
            line = (text if ban.raw else stripped).count("\n", 0, match.start()) + 1
            if ban.unless and ban.unless in lines[line - 1]:
                continue
            problems.append((line, f"`{match.group(0).strip()}`: {ban.why}"))
    return sorted(problems)


def check(root):
    problems = []
    for top in ("src", "guest", "tests", "bench"):
        for source in sorted((root / top).rglob("*")):
            if source.suffix not in (".cc", ".h", ".c"):
                continue
            path = source.relative_to(root).as_posix()
            for line, message in check_text(path, source.read_text(errors="replace")):
                problems.append(f"{path}:{line}: {message}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent)
    problems = check(parser.parse_args().root.resolve())
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
