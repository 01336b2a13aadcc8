"""`records push`, `records pull`, `verify --share` and `keys`: what a person sees of the team's share."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runbook_lib.cli.main import main
from tests.ledger.test_share_mirror import Machine


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "share").mkdir()
    return {"share": str(tmp_path / "share")}


@pytest.fixture
def alice(tmp_path: Path, place: dict[str, str]) -> Machine:
    return Machine(tmp_path / "alice", place)


@pytest.fixture
def lead(tmp_path: Path, place: dict[str, str]) -> Machine:
    return Machine(tmp_path / "lead", place)


@pytest.fixture
def runbook(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> object:
    """Runs a command on a machine; returns its status, what it printed, and what it said of errors."""

    def run(machine: Machine, *words: str) -> tuple[int, str, str]:
        monkeypatch.setenv("RUNBOOK_PROFILE", "sandbox")
        monkeypatch.setenv("RUNBOOK_OUTPUTS", str(machine.settings.outputs))
        monkeypatch.setenv("RUNBOOK_OPERATOR", machine.settings.operator)
        if machine.settings.share:
            monkeypatch.setenv("RUNBOOK_SHARE", machine.settings.share)
        status = main(words)
        return (status, *capsys.readouterr())

    return run


def test_two_laptops_and_one_lead(alice: Machine, lead: Machine, runbook) -> None:  # type: ignore[no-untyped-def]
    """Pushed, pulled, listed with how fresh it is, compared, trusted."""
    alice.run(1001)
    assert (0, "1 record and 2 journal lines of 1 ticket.") == (lambda s, out, _: (s, out.strip()[-41:]))(
        *runbook(alice, "records", "push")
    )
    assert 0 == runbook(lead, "records", "pull")[0]
    status, out, _ = runbook(lead, "records", "list")
    assert "weekend_license" in out
    assert "As pulled from" in out
    status, out, _ = runbook(lead, "records", "verify", "--share")
    assert 0 == status
    assert "unknown_writer" in out
    assert "Nothing in the share was tampered with." in out
    key = alice.keys.signing_key
    assert key
    status, out, _ = runbook(lead, "keys", "list")
    assert "not trusted" in out
    assert "alice" in out
    assert "is trusted" in runbook(lead, "keys", "trust", key)[1]
    assert "not trusted" not in runbook(lead, "keys", "list")[1]
    assert "The mirror and the share are alike." in runbook(lead, "records", "verify", "--share")[1]


def test_key_of_a_new_laptop_can_be_trusted(alice: Machine, lead: Machine, runbook) -> None:  # type: ignore[no-untyped-def]
    """A push publishes it before the first run."""
    assert 0 == runbook(alice, "records", "push")[0]
    key = alice.keys.signing_key
    assert key
    assert "is trusted" in runbook(lead, "keys", "trust", key)[1]


def test_replaced_record_is_a_defect(alice: Machine, lead: Machine, runbook) -> None:  # type: ignore[no-untyped-def]
    record = alice.run(1001)
    alice.push()
    lead.pull()
    (Path(alice.settings.share) / "sandbox" / "1001" / record.name).write_bytes(b"[]")
    status, out, _ = runbook(lead, "records", "verify", "--share", "--json")
    assert 1 == status
    found = json.loads(out)["share"]
    assert ["replaced"] == [each["code"] for each in found if each["is_defect"]]
    assert "restart" not in out


def test_command_without_a_share_says_what_to_set(tmp_path: Path, runbook) -> None:  # type: ignore[no-untyped-def]
    machine = Machine(tmp_path / "alice", {})
    status, _, err = runbook(machine, "records", "pull")
    assert 2 == status
    assert "RUNBOOK_SHARE is not set; expected a folder" in err


def test_unreadable_mirror_is_one_sentence(alice: Machine, runbook) -> None:  # type: ignore[no-untyped-def]
    alice.run(1001)
    alice.push()
    (notes,) = (alice.folder / "1001").glob(".share-*")
    notes.write_bytes(b"\xff\n")
    assert 0 == runbook(alice, "records", "verify", "--share")[0]
    notes.unlink()
    notes.mkdir()
    status, _, err = runbook(alice, "records", "verify", "--share")
    assert 2 == status
    assert f"{notes} cannot be read" in err


def test_unpublished_key_is_reported(alice: Machine, runbook) -> None:  # type: ignore[no-untyped-def]
    status, _, err = runbook(alice, "keys", "trust", "0123456789abcdef")
    assert 2 == status
    assert "holds no key 0123456789abcdef" in err


def test_policies_to_copy_are_of_the_example_share() -> None:
    """They parse, allow what the runbook does and no more, and name the place that RUNBOOK_SHARE names above."""
    words = Path("docs/team.md").read_text(encoding="utf-8")
    allow, deny = (json.loads(found) for found in re.findall(r"```json\n(.*?)```", words, re.DOTALL))
    actions = {action for each in allow["Statement"] for action in [each["Action"]] if isinstance(action, str)}
    actions |= {action for each in allow["Statement"] for action in each["Action"] if isinstance(each["Action"], list)}
    assert {"s3:ListBucket", "s3:GetObject", "s3:PutObject"} == actions
    assert {"Allow"} == {each["Effect"] for each in allow["Statement"]}
    assert {"Deny"} == {each["Effect"] for each in deny["Statement"]}
    bucket, _, prefix = re.search(r"RUNBOOK_SHARE=s3://(\S+)", words)[1].partition("/")  # type: ignore[index]
    assert f"{prefix}/*" == allow["Statement"][0]["Condition"]["StringLike"]["s3:prefix"]
    places = {each["Resource"] for each in [*allow["Statement"][1:], *deny["Statement"]]}
    assert {f"arn:aws:s3:::{bucket}/{prefix}/*"} == places
