"""Taking in what plain papermill has made: sealed as it is, or refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.domain.errors import InputError, JournalError, UnavailableError
from runbook_lib.records.adoption import adopt
from runbook_lib.records.runs import State
from runbook_lib.settings import Settings
from tests.configuration import without_configuration
from tests.records.making import Shelf, markdown, notebook, papermill, step

NAME = "20261121T100000123Z-weekend_license"


@pytest.fixture
def settings(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Practice, with these outputs."""
    without_configuration(monkeypatch, tmp_path)
    return Settings.local(profile="sandbox", outputs=shelf.outputs)


def made(tmp_path: Path, **changes: Any) -> Path:
    """What papermill leaves: without a manifest."""
    path = tmp_path / "out.ipynb"
    path.write_bytes(notebook(1001, **{"metadata": {"papermill": papermill(1001)}, **changes}))
    return path


def name(shelf: Shelf) -> str:
    """The record's name: with a part of the key of who takes it in."""
    return f"{NAME}-{shelf.keys.signer().key_id[:8]}.ipynb"


def test_adopt(shelf: Shelf, settings: Settings, tmp_path: Path) -> None:
    """A copy, byte for byte, named by its start, read-only and sealed; the file itself stays."""
    path = made(tmp_path)
    record = adopt(path, 1001, settings, "ada")
    assert (name(shelf), path.read_bytes()) == (record.name, record.read_bytes())
    assert 0o400 == record.stat().st_mode & 0o777
    (run,) = shelf.ledger(1001).runs
    assert (State.ADOPTED, "weekend_license", "ada", True) == (run.state, run.runbook, run.operator, run.performed)
    assert ("completed", "license_issued", name(shelf)) == (run.status, run.outcome, run.record)
    assert [] == shelf.defects()


@pytest.mark.parametrize("before", ["out.ipynb", "", f"{NAME}.ipynb", ".hidden.ipynb"])
def test_a_notebook_in_the_tickets_folder(shelf: Shelf, settings: Settings, tmp_path: Path, before: str) -> None:
    """It was listed as unsealed; it is not left there twice."""
    shelf.folder(1001).mkdir(parents=True)
    path = made(tmp_path).rename(shelf.folder(1001) / (before or name(shelf)))
    adopt(path, 1001, settings, "ada")
    assert [name(shelf)] == [found.name for found in shelf.folder(1001).glob("*.ipynb")]
    assert [] == shelf.defects()


@pytest.mark.parametrize(
    ("changes", "status", "outcome"),
    [
        ({}, "completed", "license_issued"),
        ({"output_type": "error", "ename": "ValueError", "evalue": "x"}, "failed", ""),
        ({"output_type": "error", "ename": "NeedsAnswerError", "evalue": "x"}, "needs_answer", ""),
    ],
)
def test_how_it_ended(
    shelf: Shelf, settings: Settings, tmp_path: Path, changes: dict[str, Any], status: str, outcome: str
) -> None:
    """By its cells, since papermill calls any run completed."""
    cell = {**step(1001), "outputs": [*step(1001)["outputs"], *([changes] if changes else [])]}
    adopt(made(tmp_path, cells=[cell]), 1001, settings, "ada")
    (run,) = shelf.ledger(1001).runs
    assert (status, outcome) == (run.status, run.outcome)


def test_one_whose_cells_did_not_all_run(shelf: Shelf, settings: Settings, tmp_path: Path) -> None:
    """It has failed."""
    pending = {**step(1001), "metadata": {"papermill": {"status": "pending"}}, "outputs": []}
    adopt(made(tmp_path, cells=[step(1001), pending]), 1001, settings, "ada")
    assert ["failed"] == [run.status for run in shelf.ledger(1001).runs]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "not executed": ({"metadata": {}}, "was not executed by papermill"),
    "an odd start": ({"metadata": {"papermill": {"start_time": "now"}}}, "was not executed by papermill"),
    "no step": ({"cells": [markdown("# Hello")]}, "is no executed runbook"),
    "a runbook that leads elsewhere": (
        {
            "cells": [
                step(1001, **{"application/vnd.license-runbook.step+json": {"runbook": "../x", "ticket_id": 1001}})
            ]
        },
        "is no executed runbook",
    ),
    "another ticket": ({"cells": [step(1002)]}, "is of ticket 1002, not of 1001"),
    "two tickets": ({"cells": [step(1001), step(1002)]}, "is of ticket 1001, 1002, not of 1001"),
    "newer": ({"metadata": {"papermill": papermill(1001), "runbook": {"schema": 2}}}, "newer version"),
    "a license": ({"cells": [step(1001), markdown("-----BEGIN GITLAB LICENSE-----")]}, "a license or a secret"),
    "a private key": ({"cells": [step(1001), markdown("-----BEGIN RSA PRIVATE KEY-----")]}, "a license or a secret"),
    "a token": ({"cells": [step(1001), markdown("glpat-abcdefghij0123456789")]}, "a license or a secret"),
    "a license in an output": (
        {"cells": [step(1001, **{"text/plain": "-----BEGIN LICENSE-----"})]},
        "a license or a secret",
    ),
    "a license in the metadata": (
        {"metadata": {"papermill": {**papermill(1001), "x": "BEGIN GITLAB LICENSE"}}},
        "a license or a secret",
    ),
}


@pytest.mark.parametrize(("changes", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(shelf: Shelf, settings: Settings, tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    """With the reason, and nothing is left; the file itself is not touched."""
    path = made(tmp_path, **changes)
    before = path.read_bytes()
    with pytest.raises(InputError, match=words) as caught:
        adopt(path, 1001, settings, "ada")
    assert not shelf.folder(1001).exists()
    assert before == path.read_bytes()
    assert "glpat" not in str(caught.value)


def test_letters_may_be_written_as_escapes(settings: Settings, tmp_path: Path) -> None:
    """A license is found however the file writes it."""
    path = made(tmp_path, cells=[step(1001), markdown("BEGIN LICENSE")])
    path.write_bytes(path.read_bytes().replace(b"BEGIN LICENSE", b"\\u0042EGIN LICENS\\u0045"))
    with pytest.raises(InputError, match="a license or a secret"):
        adopt(path, 1001, settings, "ada")


def test_a_configured_secret_is_refused(shelf: Shelf, settings: Settings, tmp_path: Path) -> None:
    """Whatever it looks like."""
    live = settings.model_copy(
        update={"slack_token": Settings.local(profile="live", slack_token="s3cr3t-word").slack_token}
    )
    with pytest.raises(InputError, match="a license or a secret") as caught:
        adopt(made(tmp_path, cells=[step(1001), markdown("it is s3cr3t-word")]), 1001, live, "ada")
    assert "s3cr3t" not in str(caught.value)


def test_what_is_sealed_already(shelf: Shelf, settings: Settings, tmp_path: Path) -> None:
    """By a run or by an adoption, in whichever ticket's folder."""
    sealed = shelf.seal(1001)
    with pytest.raises(InputError, match=f"is sealed already, as {sealed.name} of ticket 1001"):
        adopt(sealed, 1001, settings, "ada")
    path = made(tmp_path)
    adopt(path, 1001, settings, "ada")
    with pytest.raises(InputError, match="is sealed already"):
        adopt(path, 1001, settings, "ada")


def test_a_changed_copy_of_a_record(shelf: Shelf, settings: Settings, tmp_path: Path) -> None:
    """Whoever edits a sealed record, or saves it as another notebook, has no second one of that run."""
    sealed = shelf.seal(1001)
    ran = papermill(1001) | {"output_path": f"elsewhere/{sealed.name}"}
    path = made(tmp_path, metadata={"papermill": ran})
    with pytest.raises(InputError, match=f"is a changed copy of {sealed.name}, which its run has sealed"):
        adopt(path, 1001, settings, "ada")


def test_another_one_of_the_same_start(shelf: Shelf, settings: Settings, tmp_path: Path) -> None:
    """What is there is not replaced."""
    adopt(made(tmp_path), 1001, settings, "ada")
    with pytest.raises(InputError, match="is there already"):
        adopt(made(tmp_path, nbformat_minor=4), 1001, settings, "ada")
    assert [] == shelf.defects()


def test_a_damaged_journal_takes_nothing(shelf: Shelf, settings: Settings, tmp_path: Path) -> None:
    """The notebook is not copied."""
    shelf.seal(1001)
    journal = shelf.journal(1001).path
    journal.write_bytes(journal.read_bytes()[:-1])
    with pytest.raises(JournalError):
        adopt(made(tmp_path), 1001, settings, "ada")
    assert not (shelf.folder(1001) / name(shelf)).exists()


def test_a_journal_that_cannot_be_written(
    shelf: Shelf, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy is taken back."""
    from runbook_lib.ledger.journal import Journal

    def fail(*_: object, **__: object) -> None:
        raise UnavailableError("The disk is full.")

    monkeypatch.setattr(Journal, "append", fail)
    with pytest.raises(UnavailableError, match="The disk is full"):
        adopt(made(tmp_path), 1001, settings, "ada")
    assert [] == [path for path in shelf.folder(1001).iterdir() if path.suffix in (".ipynb", ".part")]


CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "of another ticket": {"ticket_id": 1002},
    "of another runbook": {"runbook": "weekday_triage"},
    "of another profile": {"profile": "live"},
    "with another outcome": {"outcome": "out_of_scope"},
    "of a run before": {"started_at": "2026-11-20T10:00:00+00:00", "ended_at": "2026-11-20T10:01:00+00:00"},
    "of a run after": {"started_at": "2026-11-22T10:00:00+00:00", "ended_at": "2026-11-22T10:01:00+00:00"},
}


@pytest.mark.parametrize("changes", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_manifest_of_another_run(shelf: Shelf, settings: Settings, tmp_path: Path, changes: dict[str, Any]) -> None:
    """A record that was run again keeps it; it is not sealed with what that run came to."""
    metadata = json.loads(notebook(1001))["metadata"]
    own = made(tmp_path, metadata=metadata)
    other = own.with_name("other.ipynb")
    other.write_bytes(notebook(1001, metadata={**metadata, "runbook": {**metadata["runbook"], **changes}}))
    with pytest.raises(InputError, match=r"contradicts itself|the manifest of another run"):
        adopt(other, 1001, settings, "ada")
    assert not shelf.folder(1001).exists()
    assert adopt(own, 1001, settings, "ada").exists()


def test_the_duration_is_the_notebooks(shelf: Shelf, settings: Settings, tmp_path: Path) -> None:
    """Not the time until it was adopted; none where the notebook does not say."""
    adopt(made(tmp_path, metadata={"papermill": {**papermill(1001), "duration": 12.5}}), 1001, settings, "ada")
    adopt(
        made(tmp_path, metadata={"papermill": {**papermill(1002), "parameters": {}}}, cells=[step(1002)]),
        1002,
        settings,
        "ada",
    )
    assert [12.5, None] == [shelf.ledger(ticket).runs[0].seconds for ticket in (1001, 1002)]


def test_a_folder_that_cannot_be_written(shelf: Shelf, settings: Settings, tmp_path: Path) -> None:
    """One sentence says why."""
    shelf.archive.folder.mkdir(parents=True)
    shelf.folder(1001).symlink_to(tmp_path / "nowhere")
    with pytest.raises(UnavailableError, match="cannot be written"):
        adopt(made(tmp_path), 1001, settings, "ada")


def test_the_line_says_what_the_list_needs(shelf: Shelf, settings: Settings, tmp_path: Path) -> None:
    """So that no record has to be opened."""
    adopt(made(tmp_path), 1001, settings, "ada")
    (entry,) = shelf.journal(1001).entries()
    names = {"n", "at", "kind", "record", "sha256", "operator", "runbook", "performed", "status", "outcome", "summary"}
    names |= {"seconds", "writer"}
    assert names == set(entry)
    assert json.dumps(entry)
