# SPDX-License-Identifier: GPL-2.0-only
"""unittest's test cases, with their results as TAP."""

import sys
import unittest


class TapResult(unittest.TestResult):
    """Prints TAP as it goes."""

    def _say(self, ok, test, comment=""):
        name = test.id().rpartition(".")[2].removeprefix("test_")
        print(*(f"# {line}" for line in comment.splitlines()), sep="\n", end="\n" if comment else "")
        print(f"{ok} {self.testsRun} {name}", flush=True)

    def addSuccess(self, test):
        self._say("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"ok {self.testsRun} {test.id().rpartition('.')[2].removeprefix('test_')} # SKIP {reason}", flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._say("not ok", test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self._say("not ok", test, self.errors[-1][1])


def main(*cases):
    """Runs the test cases."""
    suite = unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, cases))
    print(f"TAP version 13\n1..{suite.countTestCases()}", flush=True)
    sys.exit(not suite.run(TapResult()).wasSuccessful())
