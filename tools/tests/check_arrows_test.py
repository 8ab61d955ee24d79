import unittest

import support
import check_arrows

TABLE = """<!-- arrows:begin -->
| folder | may include |
|---|---|
| src/base | |
| src/sys | base |
| src/os | base, sys |
| guest | base, sys |
<!-- arrows:end -->
"""


class ArrowsTest(support.TreeTest):
    def setUp(self):
        super().setUp()
        self.write("ARCHITECTURE.md", TABLE)
        for folder in ("src/base", "src/sys", "src/os", "guest"):
            self.write(f"{folder}/README.md", "# it\n")
            self.write(f"{folder}/a.h", "#pragma once\n")

    def problems(self):
        return check_arrows.check(self.root)

    def test_a_tree_that_keeps_the_table_is_clean(self):
        self.write("src/os/a.cc", '#include "sys/a.h"\n#include "os/a.h"\n#include <sys/stat.h>\n')
        self.write("guest/main.cc", '#include "base/a.h"\n#include "own.h"\n')
        self.assertEqual(self.problems(), [])

    def test_an_include_against_the_arrow_is_named_with_file_and_line(self):
        self.write("src/base/a.cc", '\n#include "sys/a.h"\n')
        [problem] = self.problems()
        self.assertTrue(problem.startswith("src/base/a.cc:2: base may not include sys"), problem)

    def test_files_below_a_subfolder_and_the_guest_are_held_to_their_row(self):
        self.write("src/sys/deep/a.cc", '#include "os/a.h"\n')
        self.write("guest/a.cc", '#include "os/a.h"\n')
        self.assertEqual(len(self.problems()), 2)

    def test_tests_are_exempt(self):
        self.write("src/base/a_test.cc", '#include "os/a.h"\n')
        self.write("src/base/a_fuzz.cc", '#include "os/a.h"\n')
        self.assertEqual(self.problems(), [])

    def test_paths_with_dots_are_refused(self):
        self.write("src/base/a.cc", '#include "base/../os/a.h"\n')
        self.assertEqual(len(self.problems()), 1)

    def test_cmake_links_are_held_to_the_row(self):
        self.write("src/sys/CMakeLists.txt", "ak_folder(sys LINK base os EXTERNAL sodium)\n")
        [problem] = self.problems()
        self.assertIn("links os", problem)

    def test_a_folder_without_row_or_readme_is_a_problem(self):
        self.write("src/new/a.cc", "")
        (self.root / "src/os/README.md").unlink()
        self.assertEqual(len(self.problems()), 2)

    def test_a_long_readme_is_a_problem(self):
        self.write("src/os/README.md", "x\n" * 41)
        self.assertIn("41 lines", self.problems()[0])

    def test_a_cycle_in_the_table_is_a_problem(self):
        self.write("ARCHITECTURE.md", TABLE.replace("| src/base | |", "| src/base | os |"))
        self.assertIn("cycle", self.problems()[0])

    def test_a_page_without_table_fails_loudly(self):
        self.write("ARCHITECTURE.md", "nothing")
        with self.assertRaises(ValueError):
            self.problems()


if __name__ == "__main__":
    unittest.main()
