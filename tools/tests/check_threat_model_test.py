import unittest

import support
import check_threat_model

PAGE = """| boundary | attack | stands | test |
|---|---|---|---|
| guest | a | b | {} |
"""


class ThreatModelTest(support.TreeTest):
    def problems(self, cell):
        self.write("src/os/a_test.cc", "TEST(OneTest, Holds) {}\nTEST_P(\n    Two, Stands) {}\n")
        self.write("SECURITY.md", PAGE.format(cell))
        return check_threat_model.check(self.root)

    def test_existing_tests_are_fine(self):
        self.assertEqual(self.problems("`OneTest.Holds`, `OneTest.*`, `Two.Stands`"), [])

    def test_missing_tests_and_rows_without_one_are_named(self):
        self.assertIn("no test OneTest.Falls", self.problems("`OneTest.Falls`")[0])
        self.assertIn("no test Three.*", self.problems("`Three.*`")[0])
        self.assertIn("without a test", self.problems("none")[0])


if __name__ == "__main__":
    unittest.main()
