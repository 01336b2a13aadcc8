"""`make faults`: random schedules of faults, kills and re-runs; a kill at each point of a run. Prints tables."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from tabulate import tabulate

from tests import warm
from tests.faults import kills, series
from tests.faults.night import Tally

Found = tuple[Tally, dict[str, dict[str, int]], str]
AT_A_TIME = 25
"""Schedules of one series; a line is printed after each, so that progress shows."""


def main() -> int:
    """Returns 0 if nothing was there twice or lost, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1000, help="how many random schedules (default: 1000)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="which (default: any, and printed)")
    parser.add_argument("--at-once", type=int, default=2, help="worlds at the same time (default: 2)")
    parser.add_argument("--no-kills", action="store_true", help="leave out the kill at each point")
    given = parser.parse_args()
    with warm.started() as program:
        sys.executable = str(program or sys.executable)
        return _all(given)


def _all(given: argparse.Namespace) -> int:
    started = time.monotonic()
    print(f"{given.schedules} schedules, seed {given.seed}", flush=True)
    sizes = [min(AT_A_TIME, given.schedules - begun) for begun in range(0, given.schedules, AT_A_TIME)]
    found = []
    with ProcessPoolExecutor(given.at_once) as pool:
        asked = [pool.submit(_series, size, given.seed + n) for n, size in enumerate(sizes)]
        for one in as_completed(asked):
            found.append(one.result())
            done = sum(tally.schedules for tally, _, _ in found)
            print(f"{done} schedules, {time.monotonic() - started:.0f} s {found[-1][2]}".rstrip(), flush=True)
    failed = _print_series(found)
    print(f"Took {time.monotonic() - started:.0f} s.\n")
    if not given.no_kills:
        failed |= kills.main(given.at_once)
    print("Nothing twice, nothing lost." if not failed else "FAILED; see above.")
    return int(failed)


def _series(schedules: int, seed: int) -> Found:
    with series.practice() as (world, pristine):
        tally = Tally()
        try:
            series.run(world, pristine, schedules=schedules, seed=seed, tally=tally)
        # Everything: a series that breaks for another reason is a failure too, and the other series go on.
        except Exception as exc:
            hits = world.injected() if isinstance(exc, AssertionError) else {}
            within = "; ".join(str(one) for one in getattr(exc, "exceptions", ()))
            return tally, hits, f"seed {seed}: {type(exc).__name__}: {exc} {within}".strip()
        return tally, world.injected(), ""


def _print_series(found: list[Found]) -> bool:
    tallies = [tally for tally, _, _ in found]
    rows: list[tuple[str, Any]] = [
        (name, sum(getattr(tally, name) for tally in tallies))
        for name in ("schedules", "runs", "kills", "answers", "duplicates", "losses")
    ]
    print(tabulate(rows, headers=("what", "number")), end="\n\n")
    hits: Counter[tuple[str, str]] = Counter()
    for _, counts, _ in found:
        hits.update({(service, kind): n for service, kinds in counts.items() for kind, n in kinds.items()})
    print(tabulate([(*what, n) for what, n in sorted(hits.items())], headers=("service", "fault", "hits")), end="\n\n")
    ends = sum((tally.ends for tally in tallies), Counter())
    print(tabulate(sorted(ends.items()), headers=("a run under faults ended as", "runs")), end="\n\n")
    errors = [error for _, _, error in found if error]
    print("\n".join(errors))
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main())
