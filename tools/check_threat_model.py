#!/usr/bin/env python3
"""Each test that SECURITY.md names must exist: a boundary without its test is a claim."""

import argparse
import pathlib
import re
import sys

NAMED = re.compile(r"`([A-Z]\w+)\.(\w+|\*)`")
DEFINED = re.compile(r"^\s*(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)


def defined_tests(root):
    tests = set()
    for top in ("src", "guest", "tests"):
        for source in (root / top).rglob("*.cc"):
            tests.update(DEFINED.findall(source.read_text(errors="replace")))
    return tests


def check(root):
    tests = defined_tests(root)
    suites = {suite for suite, _ in tests}
    page = (root / "SECURITY.md").read_text()
    problems = []
    for number, line in enumerate(page.splitlines(), 1):
        row = line.startswith("|") and "---" not in line and not line.startswith("| boundary")
        named = NAMED.findall(line)
        if row and not named:
            problems.append(f"SECURITY.md:{number}: a boundary without a test")
        for suite, test in named:
            if suite not in suites or (test != "*" and (suite, test) not in tests):
                problems.append(f"SECURITY.md:{number}: there is no test {suite}.{test}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent)
    problems = check(parser.parse_args().root.resolve())
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
