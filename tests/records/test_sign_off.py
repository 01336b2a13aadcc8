"""A reviewer's sign-off: who may be believed, which bytes it is of, and where it is shown."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from runbook_lib.cli.main import main
from runbook_lib.domain.errors import InputError
from runbook_lib.records.review_rows import timeline
from runbook_lib.records.runs import Run, RunFilter
from runbook_lib.records.sign_off import sign_off
from runbook_lib.records.verification import Verifier
from runbook_lib.settings import Settings
from tests.configuration import without_configuration
from tests.records.making import Shelf
from tests.records.test_two_machines import bring, trust

WORDS = "The license is as ordered."


@pytest.fixture
def settings(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The reviewer ada, who looks at what grace ran, with grace's keys."""
    without_configuration(monkeypatch, tmp_path)
    for name, value in (("PROFILE", "sandbox"), ("OUTPUTS", str(shelf.outputs)), ("OPERATOR", "ada")):
        monkeypatch.setenv(f"RUNBOOK_{name}", value)
    return Settings.local()


def last(shelf: Shelf) -> Run:
    """The newest run of ticket 1001."""
    return shelf.ledger(1001).runs[-1]


def signed(shelf: Shelf, settings: Settings, words: str = WORDS, reviewer: str = "ada") -> Path:
    """A record that was signed off."""
    record = shelf.seal(1001)
    sign_off([record], words, settings, reviewer)
    return record


def test_a_sign_off_is_a_line_of_the_journal(shelf: Shelf, settings: Settings) -> None:
    """With who, when, their words, and the record's name and SHA-256; the record stays what was sealed."""
    record = signed(shelf, settings)
    entry = shelf.journal(1001).entries()[-1]
    assert ("signed_off", record.name, "ada", WORDS) == tuple(
        entry[name] for name in ("kind", "record", "operator", "words")
    )
    assert entry["sha256"] == last(shelf).sha256
    assert [] == shelf.defects()
    (words,) = last(shelf).signed_off
    assert words.startswith("ada (with the key of that run), 2")
    assert words.endswith(f": {WORDS}")
    moment = timeline([entry])[0]
    assert ("ada", "signed off the record of 2026-11-21 10:00", WORDS) == (moment.who, moment.words, moment.detail)


def test_the_same_words_count_once(shelf: Shelf, settings: Settings) -> None:
    """Other words of the same reviewer are another line."""
    record = signed(shelf, settings)
    for words in (WORDS, "Read it again."):
        sign_off([record], words, settings, "ada")
    assert 2 == len(last(shelf).signed_off)


def test_only_what_was_not_reviewed_is_asked_for(shelf: Shelf, settings: Settings) -> None:
    """A run without a record waits for no reviewer."""
    signed(shelf, settings)
    left = shelf.seal(1001)
    shelf.begin(1001)
    found = [run.record for run in shelf.ledger(1001).runs if RunFilter(unreviewed=True).matches(run)]
    assert [left.name] == found


def test_a_review_of_ones_own_run_is_reported(shelf: Shelf, settings: Settings) -> None:
    """It is taken, and stands there as what it is."""
    signed(shelf, settings, reviewer="grace")
    assert last(shelf).signed_off[0].startswith("grace (who also ran it), ")


def test_a_sign_off_counts_for_the_sealed_bytes_alone(shelf: Shelf, settings: Settings) -> None:
    """Not for those of another record of the same name."""
    record = shelf.seal(1001)
    shelf.journal(1001).append("signed_off", record=record.name, sha256="0" * 64, operator="ada", words=WORDS)
    assert last(shelf).is_unreviewed


@pytest.mark.parametrize("words", ["", "  ", "x" * 301, "two\nlines"])
def test_words_that_are_none(shelf: Shelf, settings: Settings, words: str) -> None:
    """Nothing is written."""
    with pytest.raises(InputError, match="--words"):
        signed(shelf, settings, words)
    assert last(shelf).is_unreviewed


def test_an_altered_record_cannot_be_signed_off(shelf: Shelf, settings: Settings) -> None:
    """Nor is another one that was named with it; and no message advises a reviewer to restart a journal."""
    good, bad = shelf.seal(1001), shelf.seal(1002)
    bad.chmod(0o600)
    bad.write_bytes(bad.read_bytes() + b" ")
    with pytest.raises(InputError, match=r"cannot be signed off \(altered\)") as caught:
        sign_off([good, bad], WORDS, settings, "ada")
    assert "restart" not in str(caught.value)
    assert last(shelf).is_unreviewed


@pytest.mark.parametrize("place", ["1001/copy.ipynb", "elsewhere.ipynb"])
def test_what_no_journal_names_cannot_be_signed_off(shelf: Shelf, settings: Settings, place: str) -> None:
    """In a ticket's folder or not."""
    content = shelf.seal(1001).read_bytes()
    path = shelf.archive.folder / place
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be signed off"):
        sign_off([path], WORDS, settings, "ada")


def test_a_damaged_journal_takes_no_sign_off(shelf: Shelf, settings: Settings) -> None:
    """The record may be good; the line would stand in a journal that is not relied on."""
    record = shelf.seal(1001)
    path = shelf.journal(1001).path
    path.write_text(path.read_text().replace("license_issued", "out_of_scope"))
    with pytest.raises(InputError, match="cannot be signed off"):
        sign_off([record], WORDS, settings, "ada")


def test_a_reviewer_on_another_machine_counts_once_trusted(
    shelf: Shelf, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can write to the folder could leave a key there, too."""
    record, reviewers = shelf.seal(1001), Shelf(tmp_path / "reviewer")
    bring(shelf, reviewers)
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(reviewers.outputs))
    with pytest.raises(InputError, match="no key that is trusted here proves it"):
        sign_off([reviewers.folder(1001) / record.name], WORDS, Settings.local(), "ada")
    trust(reviewers, shelf)
    sign_off([reviewers.folder(1001) / record.name], WORDS, Settings.local(), "ada")
    bring(reviewers, shelf)
    assert last(shelf).is_unreviewed
    trust(shelf, reviewers)
    assert last(shelf).signed_off
    assert [] == shelf.defects()


def test_the_commands_show_it(shelf: Shelf, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """`list`, `show` as text and as a page, and `journal show`; a ticket's number takes its last record."""
    shelf.seal(1001)
    assert 0 == main(["records", "sign-off", "1001", "--words", WORDS])
    page = shelf.outputs / "page.html"
    for words in (["records", "list"], ["records", "show", "1001"], ["journal", "show", "1001"]):
        assert 0 == main(words)
        assert WORDS in capsys.readouterr().out
    assert 0 == main(["records", "show", "1001", "--html", str(page)])
    assert f"{WORDS}</div>" in page.read_text()
    capsys.readouterr()
    assert 0 == main(["records", "list", "--unreviewed", "--json"])
    assert [] == json.loads(capsys.readouterr().out)["runs"]
    assert Verifier(shelf.archive).everything().is_good


class Terminal(io.StringIO):
    """A person sits at it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "status"), [("y\n", 0), ("n\n", 2), ("", 130)])
def test_the_accounts_name_is_asked_about(
    typed: str,
    status: int,
    shelf: Shelf,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where no operator is set, at a terminal; the name is said before anything is signed."""
    shelf.seal(1001)
    monkeypatch.delenv("RUNBOOK_OPERATOR")
    monkeypatch.setattr("getpass.getuser", lambda: "root")
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    assert status == main(["records", "sign-off", "1001", "--words", WORDS])
    shown = capsys.readouterr().out
    assert "Sign off as root, as this account is" in shown
    assert ("To be signed off as root." in shown) == (not status)
    assert last(shelf).is_unreviewed == bool(status)
