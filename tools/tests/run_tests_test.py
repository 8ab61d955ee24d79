import contextlib
import io
import unittest

import support
import run_tests

REPORT = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="4">
 <testsuite name="A">
  <testcase name="Passes" classname="A" status="run" result="completed"/>
  <testcase name="Fails" classname="A" status="run" result="completed"><failure message="no"/></testcase>
  <testcase name="Skips" classname="A" status="run" result="skipped"><skipped message="a_test.cc:3&#x0A;no cgroup"/></testcase>
  <testcase name="Filtered" classname="A" status="notrun" result="suppressed"/>
 </testsuite>
</testsuites>
"""


class TotalsTest(support.TreeTest):
    def report(self, text=REPORT):
        return self.write("a_test.xml", text)

    def test_cases_are_counted_and_filtered_ones_are_not(self):
        totals = run_tests.read_report(self.report())
        self.assertEqual(totals.line(), "1 passed, 1 failed, 1 skipped")
        self.assertEqual(totals.failures, ["A.Fails"])
        self.assertEqual(dict(totals.skips), {"no cgroup": 1})

    def test_a_failed_program_with_a_failed_case_counts_once(self):
        totals = run_tests.count({"a": "a_test"}, {"a": "fail"}, {"a_test": [self.report()]})
        self.assertEqual(totals.failed, 1)

    def test_a_program_that_died_without_report_is_a_failure(self):
        totals = run_tests.count({"a": "a_test"}, {"a": "fail"}, {})
        self.assertEqual(totals.line(), "0 passed, 1 failed, 0 skipped")

    def test_a_program_that_fails_after_passing_its_cases_is_a_failure(self):
        passed = REPORT.replace('<failure message="no"/>', "")
        totals = run_tests.count({"a": "a_test"}, {"a": "fail"}, {"a_test": [self.report(passed)]})
        self.assertEqual(totals.failed, 1)

    def test_a_program_registered_twice_is_counted_once(self):
        reports = {"a_test": [self.report()]}
        totals = run_tests.count({"a": "a_test", "b": "a_test"}, {"a": "fail", "b": "run"}, reports)
        self.assertEqual(totals.line(), "1 passed, 1 failed, 1 skipped")

    def test_other_programs_count_as_one_test(self):
        totals = run_tests.count({"a": "script"}, {"a": "run"}, {})
        self.assertEqual(totals.line(), "1 passed, 0 failed, 0 skipped")

    def test_a_test_that_could_not_start_is_a_failure(self):
        totals = run_tests.count({"a": "a_test"}, {"a": "notrun"}, {})
        self.assertEqual(totals.failed, 1)

    def test_a_report_of_a_sanitizer_is_a_failure(self):
        text = "=====\n==7==ERROR: LeakSanitizer: detected memory leaks\n"
        report = self.write("sanitizer.agentkerneld.7", text)
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            totals = run_tests.sanitizer_reports(report.parent)
        self.assertEqual(totals.line(), "0 passed, 1 failed, 0 skipped")
        self.assertIn("agentkerneld.7: ==7==ERROR: LeakSanitizer", totals.failures[0])
        self.assertIn("detected memory leaks", shown.getvalue())


if __name__ == "__main__":
    unittest.main()
