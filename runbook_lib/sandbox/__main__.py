"""`python -m runbook_lib.sandbox FOLDER`: serves the practice world in a folder, in the foreground."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runbook_lib.domain.errors import InputError
from runbook_lib.sandbox.serving import serve
from runbook_lib.sandbox.world import BAD_USAGE


def main() -> int:
    """Serves until it is stopped. Returns 0, or `BAD_USAGE` after one line on standard error."""
    parser = argparse.ArgumentParser(prog="python -m runbook_lib.sandbox", description=__doc__)
    parser.add_argument("folder", type=Path, help="the world's folder")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 for any that is free")
    parser.add_argument("--while-used", action="store_true", help="stop when no process uses the world")
    arguments = parser.parse_args()
    try:
        serve(arguments.folder, port=arguments.port, while_used=arguments.while_used)
    except InputError as exc:
        sys.stderr.write(f"{exc}\n")
        return BAD_USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main())
