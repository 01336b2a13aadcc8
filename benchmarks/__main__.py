"""`make bench`: the figures that the project keeps an eye on, each printed when it is measured.

Machines are noisy, so two commands take turns and the median of the pairs' ratios counts. The exit status is 0 if all
goals are met, 1 if one is missed, and 3 if none is missed but something could not be measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks import driver, records, redaction, runs, screenshots, services, share, suites

BENCHMARKS: dict[str, driver.Benchmark] = {
    "help": runs.help_text,
    "papermill": runs.against_papermill,
    "batch": runs.batch,
    "cluster": runs.cluster,
    "kernel": runs.kernel_memory,
    "sandbox": runs.sandbox_start,
    "failing-service": services.failing,
    "silent-service": services.silent,
    "demo": runs.demo,
    "records": records.listing,
    "beside-many": records.beside_many,
    "redaction": redaction.of_30_mb,
    "share": share.comparing,
    "screenshot": screenshots.reading_time,
    "misreadings": screenshots.misreadings,
    "quick": suites.quick,
    "test": suites.test,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, and compare with the goals.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these (see --list)")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    options = parser.parse_args(arguments)
    if options.list:
        sys.stdout.write("".join(f"{name:<18}{_about(name)}\n" for name in BENCHMARKS))
        return 0
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark is named {', '.join(unknown)}; --list prints the names")
    return driver.run_all({name: BENCHMARKS[name] for name in options.names or BENCHMARKS}, sys.stdout)


def _about(name: str) -> str:
    return (BENCHMARKS[name].__doc__ or "").split("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
