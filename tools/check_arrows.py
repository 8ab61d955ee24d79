#!/usr/bin/env python3
"""Holds the code to the include table of ARCHITECTURE.md.

Checks, for every folder that exists:
  1. each `#include "folder/..."` of its sources names the folder itself or one of its row;
  2. the LINK list of its CMakeLists.txt is a subset of its row;
  3. it has a README.md of at most 40 lines;
and that every folder with sources has a row, and that the rows have no cycle.
Tests (*_test.cc, *_fuzz.cc, *_bench.cc) may include anything: they are not linked into programs.
"""

import argparse
import pathlib
import re
import sys

BEGIN, END = "<!-- arrows:begin -->", "<!-- arrows:end -->"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
EXEMPT = re.compile(r"(_test|_fuzz|_bench)\.(cc|h)$|(^|/)(testing|test_support)(/|_|\.)")
README_LINES = 40


def read_table(text):
    """{'os': {'base', 'sys'}, ..., 'guest': {...}} from the marked table."""
    if BEGIN not in text or END not in text:
        raise ValueError(f"ARCHITECTURE.md has no table between {BEGIN} and {END}")
    table = {}
    for line in text.split(BEGIN, 1)[1].split(END, 1)[0].splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
        if len(cells) < 2 or cells[0] in ("", "folder") or set(cells[0]) <= {"-"}:
            continue
        name = cells[0].removeprefix("src/")
        table[name] = {word.strip() for word in cells[1].split(",") if word.strip()}
    return table


def find_cycle(table):
    done, path = set(), []

    def visit(name):
        if name in path:
            return path[path.index(name):] + [name]
        if name in done:
            return None
        path.append(name)
        for other in sorted(table.get(name, ())):
            cycle = visit(other)
            if cycle:
                return cycle
        path.pop()
        done.add(name)
        return None

    for name in sorted(table):
        cycle = visit(name)
        if cycle:
            return cycle
    return None


def linked_folders(cmake_text):
    """The folders named after LINK in ak_folder(...)."""
    match = re.search(r"ak_folder\(([^)]*)\)", re.sub(r"#.*", "", cmake_text))
    if not match:
        return set()
    words, links, keyword = match.group(1).split()[1:], set(), None
    for word in words:
        if word in ("LINK", "EXTERNAL", "TEST_EXTRA"):
            keyword = word
        elif keyword == "LINK":
            links.add(word)
    return links


def check_folder(root, path, name, allowed, folders):
    problems = []
    for source in sorted(path.rglob("*")):
        if source.suffix not in (".cc", ".h") or EXEMPT.search(source.name):
            continue
        shown = source.relative_to(root)
        for match in INCLUDE.finditer(source.read_text(errors="replace")):
            target = match.group(1)
            line = source.read_text(errors="replace").count("\n", 0, match.start()) + 1
            first = target.split("/")[0]
            if ".." in target.split("/"):
                problems.append(f"{shown}:{line}: includes \"{target}\": write the path from src/")
            elif first in folders and first != name and first not in allowed:
                problems.append(
                    f"{shown}:{line}: {name} may not include {first} (\"{target}\"); "
                    f"its row allows: {', '.join(sorted(allowed)) or 'nothing'}")
    cmake = path / "CMakeLists.txt"
    if cmake.exists():
        for extra in sorted(linked_folders(cmake.read_text()) - allowed):
            problems.append(f"{cmake.relative_to(root)}: links {extra}, which its row does not allow")
    readme = path / "README.md"
    if not readme.exists():
        problems.append(f"{path.relative_to(root)}: no README.md")
    elif (lines := len(readme.read_text().splitlines())) > README_LINES:
        problems.append(f"{readme.relative_to(root)}: {lines} lines, at most {README_LINES}")
    return problems


def check(root):
    table = read_table((root / "ARCHITECTURE.md").read_text())
    cycle = find_cycle(table)
    problems = [f"ARCHITECTURE.md: cycle {' -> '.join(cycle)}"] if cycle else []
    present = {}
    for path in sorted((root / "src").iterdir()):
        if any(path.rglob("*.h")) or any(path.rglob("*.cc")):
            present[path.name] = path
    if (root / "guest").is_dir():
        present["guest"] = root / "guest"
    for name, path in present.items():
        if name not in table:
            problems.append(f"{path.relative_to(root)}: has no row in ARCHITECTURE.md's table")
            continue
        problems += check_folder(root, path, name, table[name], set(table))
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
