"""A run on a machine that falls asleep: it claims an effect, and stops itself right before it sends."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from runbook_lib.ledger import effects
from tests.ledger.test_share_claims import Laptop, Post, World


class Bed(Post):
    """An effect before which the machine falls asleep, once."""

    def check(self) -> None:
        if not self.where.endswith("again"):
            self.where += " again"
            os.kill(os.getpid(), signal.SIGSTOP)


def main(folder: str, share: str, world: str) -> None:
    """Apply the effect, and print what became of it."""
    effects.LEAST_LEASE_S = 0.05
    post = Bed(World(Path(world)), "alice")
    sys.stdout.write(f"{Laptop(Path(folder), {'share': share}).effects().apply(post).state}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
