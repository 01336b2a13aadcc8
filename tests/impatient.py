"""The command line, but that a batch on a cluster waits a few seconds where it would wait for a minute."""

from __future__ import annotations

import sys

from runbook_lib.cli import main as cli
from runbook_lib.run import cluster, pulse

if __name__ == "__main__":
    cluster.CONNECT_S, cluster.SETUP_S = 2, 20
    pulse.ANSWER_S, pulse.STALLED_S, pulse.SILENT_S, pulse.LOOK_S = 6, 6, 2, 0.2
    sys.exit(cli.main(sys.argv[1:]))
