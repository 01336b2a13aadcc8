"""`python -m tests.small_run OUTPUTS NOTEBOOKS`: runs the runbook `small` on ticket 7, and prints its report."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path

from runbook_lib.run import forks, runner
from runbook_lib.settings import Settings

if __name__ == "__main__":
    given = Settings.local(outputs=Path(sys.argv[1]), notebooks=Path(sys.argv[2]))
    with closing(forks.KernelPool(1, given.notebooks / "small.ipynb")) as kernels:
        print(json.dumps(runner.run("small", 7, {}, perform=False, settings=given, kernel=kernels.take).contract()))
