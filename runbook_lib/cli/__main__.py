"""`python -m runbook_lib.cli`: the command `runbook`."""

import sys

from runbook_lib.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
