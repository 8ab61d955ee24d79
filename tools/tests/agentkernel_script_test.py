"""./agentkernel on a tree with a `dev` that only notes that it was called."""

import os
import pathlib
import shutil
import subprocess
import time
import unittest

import support

DEV = """#!/bin/sh
cd "$(dirname "$0")"
echo "$@" >>calls
[ "$1" = build ] || exit 0
[ ! -e broken ] || { echo "no luck" >&2; exit 1; }
mkdir -p build/bin
touch build/.started
# Long enough for the others to arrive.
sleep 0.2
printf '#!/bin/sh\\necho "ran $*"\\n' >build/bin/agentkernel
chmod +x build/bin/agentkernel
mv build/.started build/.programs-built
"""


class AgentkernelScriptTest(support.TreeTest):
    def setUp(self):
        super().setUp()
        shutil.copy(support.TOOLS.parent / "agentkernel", self.root / "agentkernel")
        self.write("dev", DEV).chmod(0o755)
        for path in ("src/a.cc", "guest/b.cc", "cmake/c.cmake", "CMakeLists.txt", "CMakePresets.json"):
            self.write(path, "")

    def start(self, *arguments):
        return subprocess.Popen([self.root / "agentkernel", *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def run_script(self, *arguments):
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors

    def builds(self):
        calls = self.root / "calls"
        return calls.read_text().count("build --programs") if calls.exists() else 0

    def age(self):
        """Makes everything older than what is written next."""
        for path in self.root.rglob("*"):
            status = path.stat()
            os.utime(path, (status.st_atime, status.st_mtime - 10))

    def test_builds_once_then_is_silent(self):
        self.assertEqual(self.run_script("run", "a b")[:2], (0, "ran run a b\n"))
        self.assertEqual(self.run_script("list"), (0, "ran list\n", ""))
        self.assertEqual(self.builds(), 1)
        self.assertIn("setup build runtime", (self.root / "calls").read_text())

    def test_two_at_once_build_once(self):
        processes = [self.start(str(i)) for i in range(5)]
        for i, process in enumerate(processes):
            self.assertEqual(process.communicate(timeout=60)[0], f"ran {i}\n")
        self.assertEqual(self.builds(), 1)

    def test_a_changed_a_new_and_a_removed_file_each_build_again(self):
        self.run_script()
        for change in (lambda: self.write("src/a.cc", "x"), lambda: self.write("guest/new.cc", ""),
                       lambda: pathlib.Path(self.root / "guest/new.cc").unlink(),
                       lambda: self.write("CMakeLists.txt", "x")):
            self.age()
            before = self.builds()
            change()
            self.run_script()
            self.assertEqual(self.builds(), before + 1)

    def test_a_failed_build_runs_nothing_and_is_our_failure(self):
        self.write("broken", "")
        code, output, errors = self.run_script("list")
        self.assertEqual((code, output), (125, ""))
        self.assertIn("no luck", errors)

    def test_works_through_a_link_and_from_elsewhere(self):
        os.symlink(self.root / "agentkernel", self.root / "link")
        output = subprocess.run([self.root / "link", "x"], cwd="/", capture_output=True, text=True,
                                check=True).stdout
        self.assertEqual(output, "ran x\n")

    def test_the_staleness_check_is_quick(self):
        for i in range(500):
            self.write(f"src/d{i % 20}/f{i}.cc", "")
        self.run_script()
        self.age()
        (self.root / "build/.programs-built").touch()
        best = min(self.timed() for _ in range(10))
        self.assertLess(best, 0.05)

    def timed(self):
        begin = time.monotonic()
        self.run_script()
        return time.monotonic() - begin


if __name__ == "__main__":
    unittest.main()
