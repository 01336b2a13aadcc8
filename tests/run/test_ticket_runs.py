"""What the journals say of a batch's ticket."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.run.batch_list import BatchRow
from runbook_lib.run.ticket_runs import BatchOrder, Processes, finished
from runbook_lib.settings import Settings

RECORD = "20261121T100000000Z-weekend_license.ipynb"


@pytest.mark.parametrize("trusted", [True, False])
def test_only_a_trusted_journal_finishes_a_ticket(tmp_path: Path, trusted: bool) -> None:
    """A worker may be another machine; write access to the folder does not make one."""
    settings = Settings.local(profile="sandbox", outputs=tmp_path)
    ring = KeyRing(tmp_path / "other")
    journal = Journal(settings.ticket_folder(1001), "sandbox/1001", ring)
    journal.append("run_started", record=RECORD, runbook="weekend_license", performed=True, batch="b1")
    ended = {"status": "completed", "outcome": "license_issued", "summary": "Done."}
    journal.append("run_ended", record=RECORD, sha256="0" * 64, **ended)
    if trusted:
        KeyRing.of(settings).trust(ring.signer().public_pem)
    assert trusted is (finished(settings, BatchRow(1, "1001"), "b1") is not None)


def test_no_room_for_a_process() -> None:
    """It is its own ticket's problem, as the batch goes on."""
    place = Processes(BatchOrder("b1", perform=False), "/nowhere/python", {})
    status, out, words = place.run(BatchRow(1, "1001"))
    assert (1, "", "It could not be started (No such file or directory)") == (status, out, words.partition(".")[0])
    assert 0 == place.running
