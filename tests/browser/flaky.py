"""Runs the browser tests many times under load, and names each failure: `python -m tests.browser.flaky`.

Nothing is retried: one failure in all runs is a failure. What a failed run said is kept in `build/flaky`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from runbook_lib.settings import ROOT

KEPT = ROOT / "build" / "flaky"
BUSY = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"
"""A loop that ends with this program, however that ends."""


@contextmanager
def load(loops: int) -> Iterator[None]:
    """Keep as many processor cores busy."""
    with ExitStack() as stack:
        for _ in range(loops):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", BUSY]))
            stack.callback(process.kill)
        yield


def run(number: int, tests: Sequence[str], workers: int) -> list[str]:
    """Run the tests once; returns the failures, as pytest names them."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rfE",
        "-n",
        str(workers),
        "--dist",
        "load",
        "--no-header",
        *tests,
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode == 0:
        return []
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"round-{number}.txt").write_text(ran.stdout + ran.stderr, encoding="utf-8")
    failures = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    names = [line.split(" ")[1].rpartition("::")[2] for line in failures]
    return names or [f"pytest ended with {ran.returncode} and named no test"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the command line says; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.flaky", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="how often (default: 30)")
    parser.add_argument("--only", metavar="EXPR", default="", help="the tests that pytest's -k EXPR chooses")
    parser.add_argument("--busy", type=int, default=3, help="busy loops beside the tests (default: 3)")
    parser.add_argument("--workers", type=int, default=2, help="tests at once (default: 2)")
    options = parser.parse_args(arguments)
    tests = ["tests/browser", *(("-k", options.only) if options.only else ())]
    failed = 0
    with load(options.busy):
        for number in range(1, options.rounds + 1):
            began = time.monotonic()
            failures = run(number, tests, options.workers)
            failed += bool(failures)
            result = f"failed: {', '.join(failures)}" if failures else "passed"
            print(f"round {number}, {time.monotonic() - began:.0f} s: {result}", flush=True)
    print(f"{options.rounds} rounds beside {options.busy} busy loops: {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
