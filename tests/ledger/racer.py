"""`python -m tests.ledger.racer OUTPUTS OPERATION NAME=VALUE...`: takes a claim on a line of standard input.

Prints whether it has got the claim.
"""

from __future__ import annotations

import sys
from pathlib import Path

from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.ledger.share import Share
from runbook_lib.ledger.sharing import Claims
from runbook_lib.settings import Settings

if __name__ == "__main__":
    outputs = Path(sys.argv[1])
    given = dict(pair.split("=", 1) for pair in sys.argv[3:])
    settings = Settings(outputs=outputs, operator=outputs.name, **given)  # type: ignore[arg-type]
    share = Share.of(settings)
    assert share
    folder = settings.ticket_folder(1001)
    folder.mkdir(parents=True)
    claims = Claims(share, "sandbox", KeyRing.of(settings), folder, outputs.name)
    print("ready", flush=True)
    sys.stdin.readline()
    print(claims.take(sys.argv[2]) is None, flush=True)
