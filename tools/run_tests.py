#!/usr/bin/env python3
"""Runs the tests of one or more build directories and closes with one plain line of totals.

ctest runs the programs; each GoogleTest program leaves an XML report, so that single test cases are
counted, not programs, and every reason for a skip is printed once. Exit 1 when anything failed or
when nothing ran.
"""

import argparse
import collections
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Labels that run side by side, and those that count mounts or processes of the whole machine and
# so run alone. A tier adds labels to those of the default tier.
PARALLEL = ("unit", "tools")
ALONE = ("conformance", "security", "contract", "e2e", "fault")
# What is run of a build where not everything is. Of tsan `./dev test` builds no other test programs.
PROGRAMS_OF = {"tsan": re.compile(r"(net|channel|manager|api)_test")}
TIER_LABELS = {"default": (), "full": ("full",), "soak": ("soak",)}


@dataclasses.dataclass
class Totals:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list = dataclasses.field(default_factory=list)
    skips: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        self.skips += other.skips

    def line(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def read_report(path):
    """Totals of one GoogleTest XML report."""
    totals = Totals()
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None:
            totals.failed += 1
            totals.failures.append(name)
        elif skipped is not None or case.get("result") == "skipped":
            totals.skipped += 1
            message = (skipped.get("message") if skipped is not None else "") or "no reason given"
            # GoogleTest puts "file:line" on a line of its own first.
            reason = [line for line in message.splitlines() if not re.match(r"\S+:\d+$", line)]
            totals.skips[" ".join(reason).strip() or "no reason given"] += 1
        elif case.get("status") == "run":
            totals.passed += 1
    return totals


def count(tests, outcomes, reports):
    """Totals over ctest's tests: `tests` maps a name to its program, `outcomes` a name to
    'run'|'fail'|..., `reports` a program to its XML files."""
    totals, counted = Totals(), set()
    for name, outcome in sorted(outcomes.items()):
        program = tests.get(name, name)
        found = reports.get(program, [])
        inside = Totals()
        if program not in counted:
            for report in found:
                inside.add(read_report(report))
            counted.add(program)
            totals.add(inside)
        if outcome == "run" and not found:
            totals.passed += 1  # not a GoogleTest program: one test
        elif outcome in ("notrun", "disabled"):
            totals.failed += 1
            totals.failures.append(f"{name} (could not be run)")
        elif outcome == "fail" and inside.failed == 0:
            # It died before its report, or after it, or is not a GoogleTest program.
            totals.failed += 1
            totals.failures.append(f"{name} (crashed, timed out or failed as a whole)")
    return totals


def sanitizer_reports(scratch):
    """What programs of a sanitizer build, which may have no standard error, found: each is a failure.
    cmake/sanitizer_options.cc sends them here."""
    totals = Totals()
    for report in sorted(scratch.glob("sanitizer.*")):
        text = report.read_text(errors="replace")
        print(text, flush=True)
        first = next((line for line in text.splitlines() if "Sanitizer" in line), "report")
        totals.failed += 1
        totals.failures.append(f"{report.name}: {first.strip()}")
    return totals


def list_tests(build):
    output = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], check=True,
                            capture_output=True, text=True).stdout
    tests = {}
    for test in json.loads(output)["tests"]:
        labels = next((p["value"] for p in test.get("properties", ()) if p["name"] == "LABELS"), [])
        program = pathlib.Path(test["command"][0]).name if test.get("command") else test["name"]
        tests[test["name"]] = (program, set(labels))
    return tests


def read_outcomes(junit):
    if not junit.exists():
        return {}
    return {case.get("name"): case.get("status") for case in
            ElementTree.parse(junit).iter("testcase")}


def ctest(build, names, jobs, environment, scratch):
    junit = scratch / "ctest.xml"
    junit.unlink(missing_ok=True)
    pattern = "^(" + "|".join(re.escape(name) for name in names) + ")$"
    command = ["ctest", "--test-dir", str(build), "-R", pattern, "-j", str(jobs), "--no-tests=error",
               "--output-on-failure", "--output-junit", str(junit)]
    # The files that tests make stand for those of an ordinary system, whatever the caller's umask.
    result = subprocess.run(command, env=environment, check=False, stdin=subprocess.DEVNULL,
                            umask=0o022)
    outcomes = read_outcomes(junit)
    if result.returncode != 0 and not outcomes:
        raise SystemExit(f"ctest could not run in {build}")
    return outcomes


def run_build(build, tier, pattern):
    scratch = build / "test-reports"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    scratch.chmod(0o1777)  # programs that run as another user report here too
    environment = dict(os.environ, AK_TEST_TIER=tier, GTEST_OUTPUT=f"xml:{scratch}/",
                       GTEST_COLOR="no", ASAN_OPTIONS="detect_leaks=1:abort_on_error=1",
                       UBSAN_OPTIONS="print_stacktrace=1", TSAN_OPTIONS="halt_on_error=1")
    tests = list_tests(build)
    wanted = set(ALONE + PARALLEL + TIER_LABELS[tier]) if tier != "soak" else {"soak"}
    chosen = {name for name, (_, labels) in tests.items() if labels & wanted}
    if build.name in PROGRAMS_OF:
        chosen = {name for name in chosen if PROGRAMS_OF[build.name].fullmatch(name)}
    if pattern:
        by_name = {name for name in chosen if re.search(pattern, name)}
        if by_name:
            chosen = by_name
        else:  # the name of a test case, not of a program
            environment["GTEST_FILTER"] = pattern if "*" in pattern else f"*{pattern}*"
    outcomes = {}
    for names, jobs in (({n for n in chosen if tests[n][1] & set(PARALLEL)}, os.cpu_count() or 1),
                        ({n for n in chosen if not tests[n][1] & set(PARALLEL)}, 1)):
        if names:
            outcomes |= ctest(build, sorted(names), jobs, environment, scratch)
    reports = collections.defaultdict(list)
    for report in sorted(scratch.glob("*.xml")):
        if report.name != "ctest.xml":
            reports[re.sub(r"_\d+$", "", report.stem)].append(report)
    programs = {name: program for name, (program, _) in tests.items()}
    if "GTEST_FILTER" in environment:  # other kinds of programs ran too, but were not asked for
        outcomes = {n: o for n, o in outcomes.items() if programs[n] in reports or o != "run"}
    totals = count(programs, outcomes, reports)
    totals.add(sanitizer_reports(scratch))
    return totals


def show(totals):
    for name in totals.failures:
        print(f"FAILED {name}")
    for reason, times in sorted(totals.skips.items()):
        print(f"skipped {times}: {reason}")
    if totals.passed + totals.failed + totals.skipped == 0:
        print("no test ran: that is a failure")
    print(totals.line())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tier", choices=sorted(TIER_LABELS), default="default")
    parser.add_argument("--filter", default="")
    parser.add_argument("builds", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    totals = Totals()
    for build in options.builds:
        if len(options.builds) > 1:
            print(f"== {build}", flush=True)
        totals.add(run_build((ROOT / build).resolve(), options.tier, options.filter))
    show(totals)
    return 1 if totals.failed or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main())
