"""`runbook records`: what it prints, exit statuses, and one run from its beginning to its verification."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook_lib import files
from runbook_lib.cli.main import main
from tests.configuration import without_configuration
from tests.practice import World
from tests.records.making import WORDS, Shelf, notebook

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Desk:
    """Commands on the records of a shelf."""

    shelf: Shelf
    capsys: pytest.CaptureFixture[str]

    def records(self, *words: object) -> Said:
        """Run `runbook records`."""
        status = main(["records", *map(str, words)])
        return Said(status, *self.capsys.readouterr())


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """Practice without a world: what is needed is in the folder."""
    without_configuration(monkeypatch, tmp_path)
    monkeypatch.setenv("RUNBOOK_PROFILE", "sandbox")
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setenv("RUNBOOK_OPERATOR", "ada")
    return Desk(Shelf(tmp_path / "outputs"), capsys)


# -- list


def test_list(desk: Desk) -> None:
    """One row for each run."""
    record = desk.shelf.seal(1001)
    (desk.shelf.folder(1001) / "out.ipynb").write_bytes(notebook(1001))
    said = desk.records("list")
    assert (0, "") == (said.status, said.err)
    heads, _, first, second, *_ = said.out.splitlines()
    assert heads.split()[:3] == ["ticket", "runbook", "started"]
    assert all(
        word in first
        for word in ("1001", "weekend_license", "grace", "License issued", "sealed, not verified", record.name)
    )
    assert "unsealed" in second
    assert "The records were not verified. To verify them: `runbook records verify`." == said.out.splitlines()[-1]


def test_a_rehearsal_reads_as_what_would_be(desk: Desk) -> None:
    """In the list, the open ends and the journal, with one wording; a program reads the outcome."""
    desk.shelf.seal(1001, performed=False)
    for words in (["records", "list"], ["records", "list", "--open"], ["journal", "show", "1001"]):
        assert 0 == main(words)
        said = " ".join(desk.capsys.readouterr().out.split())
        assert said.count("icense issued") == said.count("ould end: License issued") > 0
    assert "license_issued" == desk.records("list", "--json").json["runs"][0]["outcome"]


def test_list_of_nothing(desk: Desk) -> None:
    """Said in words, and as an empty list."""
    assert "No runs.\n" == desk.records("list").out
    assert {"runs": [], "problems": []} == desk.records("list", "--json").json


def test_list_json(desk: Desk) -> None:
    """Every field of a run, and the problems beside them."""
    desk.shelf.seal(1001)
    desk.shelf.seal(1002)
    path = desk.shelf.journal(1002).path
    path.write_bytes(path.read_bytes()[:-1])
    said = desk.records("list", "--json").json
    (run,) = said["runs"]
    assert (1001, "sealed", True, []) == tuple(run[name] for name in ("ticket_id", "state", "performed", "missing"))
    assert run["seconds"] >= 0
    assert [("1002", "truncated", 1)] == [(each["folder"], each["code"], each["line"]) for each in said["problems"]]


def test_list_names_a_damaged_journal_and_goes_on(desk: Desk) -> None:
    """On standard error, so that the table stays one."""
    desk.shelf.seal(1001)
    desk.shelf.seal(1002)
    desk.shelf.journal(1001).path.unlink()
    shutil.copytree(desk.shelf.folder(1002), desk.shelf.archive.folder / "copy")
    said = desk.records("list")
    assert (0, 5) == (said.status, len(said.out.splitlines()))
    assert ["missing_journal", "no_ticket"] == [line.split(": ")[1] for line in said.err.splitlines()]


@pytest.mark.parametrize(
    ("words", "tickets"),
    [
        (["--ticket", "1001"], [1001]),
        (["--ticket", "1002", "--ticket", "1001"], [1002, 1001]),
        (["--runbook", "weekday_triage"], [1002]),
        (["--outcome", "license_issued"], [1001]),
        (["--outcome", "License issued"], [1001]),
        (["--outcome", "unknown"], [1001, 1002]),
        (["--status", "needs_answer"], [1002]),
        (["--operator", "nobody"], []),
        (["--since", "2000-01-01", "--until", "2000-12-31"], []),
        (["--since", "2000-01-01"], [1001, 1002]),
        (["--open"], [1002]),
        (["--open", "--runbook", "weekend_license"], []),
    ],
)
def test_filters(desk: Desk, words: list[str], tickets: list[int]) -> None:
    """Each, alone and together."""
    desk.shelf.seal(1001)
    desk.shelf.seal(1002, "weekday_triage", status="needs_answer", outcome=None)
    assert tickets == [run["ticket_id"] for run in desk.records("list", "--json", *words).json["runs"]]


def test_list_of_open_ends_says_how_each_goes_on(desk: Desk) -> None:
    """Below the table: what happened, and the command."""
    desk.shelf.seal(1001)
    desk.shelf.seal(1002, status="failed", outcome=None, summary="Slack refused (403): no_permission.")
    said = desk.records("list", "--open")
    assert "Ticket 1002, failed: Slack refused (403): no_permission. Put that right" in said.out
    assert said.out.endswith("\n    runbook run weekend_license 1002 --perform\n")
    assert "1001" not in said.out


def test_list_of_a_case_that_waits(desk: Desk) -> None:
    """Since when, for whom, and what then; once it has ended otherwise, a person says so, and the list by whom."""
    assert "Nothing is open.\n" == desk.records("list", "--open").out
    desk.shelf.seal(1001, outcome="waiting_for_customer")
    desk.shelf.seal(1002, "weekday_triage", outcome="escalated")
    desk.shelf.seal(1003, performed=False)
    said = desk.records("list", "--open").out
    at = str(desk.shelf.ledger(1001).runs[0].started_at)[:16]
    assert f"Ticket 1001, waiting for the customer: It waits for the customer since {at} UTC. When they" in said
    assert f"Ticket 1002, with the expert: The expert has it since {at[:10]}" in said
    assert "Ticket 1003, rehearsed, never performed: Only rehearsed, on" in said
    assert "\n    runbook answer 1002 case yes\n" in said
    for ticket in (1001, 1002, 1003):
        assert 0 == main(["answer", str(ticket), "case", "yes", "--because", "the expert has"])
    assert "Noted: the case is over. To correct it, answer anew." in desk.capsys.readouterr().out
    assert "Nothing is open.\n" == desk.records("list", "--open").out
    assert "Ticket 1002, by hand: case: ada says that the case is over: the expert has" in desk.records("list").out
    assert 0 == main(["answer", "1001", "case", "no"])
    assert "waiting for the customer" in desk.records("list", "--open").out


@pytest.mark.parametrize("kind", ["intended", "unknown", "not_done", "killed"])
@pytest.mark.parametrize("there", ["yes", "no"])
def test_every_state_can_be_answered(desk: Desk, kind: str, there: str) -> None:
    """Also that of a run that was killed; the list says by whom, and what is there is open no more."""
    name = desk.shelf.begin(1001)
    line = {"effect": "slack_post", "operation_id": "sandbox-1001-slack_post", "reason": "not_in_channel"}
    desk.shelf.journal(1001).append("intended" if kind == "killed" else kind, **line)
    if kind != "killed":
        desk.shelf.end(1001, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNBOOK_SETTLE_S", "0")
        assert 0 == main(["answer", "1001", "slack_post", there, "--because", "I posted it"])
    desk.capsys.readouterr()
    said = desk.records("list").out
    words = "it is there: I posted it" if there == "yes" else "it is not there: I posted it"
    assert f"Ticket 1001, by hand: slack_post: ada says that {words}" in said
    is_open = "slack_post" in desk.records("list", "--open").out
    assert is_open == (there == "no" and kind != "killed")


@pytest.mark.parametrize(
    ("words", "status", "words_shown"),
    [
        (["1001", "slack_post", "yes"], 2, "slack_post on ticket 1001 is done already (post 7), so there is nothing"),
        (["1001", "sandbox-1001-slack_post", "no"], 2, "slack_post on ticket 1001 is done already (post 7)"),
        (
            ["1001", "slak_post", "yes"],
            2,
            "has no operation 'slak_post' in its journal here. Those that can be answered",
        ),
        (["4242", "case", "yes"], 2, "Ticket 4242 has no journal here, so that there is nothing to answer."),
        (["4242", "slack_post", "yes"], 2, "Ticket 4242 has no journal here, so that there is nothing to answer."),
    ],
)
def test_answers_that_cannot_be_taken(desk: Desk, words: list[str], status: int, words_shown: str) -> None:
    """What is done, what does not exist: a sentence, and nothing is written."""
    evidence = {"summary": "post 7", "url": "", "reference": "7"}
    desk.shelf.seal(1001)
    desk.shelf.journal(1001).append("done", effect="x", operation_id="sandbox-1001-slack_post", evidence=evidence)
    before = len(desk.shelf.journal(1001).entries())
    assert status == main(["answer", *words])
    assert words_shown in desk.capsys.readouterr().err
    assert before == len(desk.shelf.journal(1001).entries())
    assert not desk.shelf.folder(4242).exists()


@pytest.mark.parametrize(
    "words",
    [
        ["answer", "4242", "case", "yes"],
        ["journal", "restart", "4242", "--because", "disk failed"],
        ["records", "show", "4242"],
        ["records", "verify", "4242"],
        ["records", "sign-off", "4242", "--words", "Read it."],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_ticket_without_a_journal_leaves_no_folder(desk: Desk, words: list[str]) -> None:
    """A wrong number is said to be one."""
    desk.shelf.seal(1001)
    assert 2 == main(words)
    assert "4242" in desk.capsys.readouterr().err
    assert not desk.shelf.folder(4242).exists()


def test_an_answer_while_a_run_holds_the_ticket(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits a moment, then says so."""
    desk.shelf.seal(1001)
    monkeypatch.setattr("runbook_lib.ledger.journal.LOCK_WAIT_S", 0)
    with desk.shelf.journal(1001).lock():
        assert 1 == main(["answer", "1001", "case", "yes"])
    assert (
        "Another run is changing ticket 1001 right now. Wait for it, then answer again." in desk.capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("words", "words_shown"),
    [
        (["list", "--ticket", "x"], "ticket_id"),
        (["list", "--outcome", "won"], "expected one of license_issued"),
        (["list", "--status", "done"], "expected one of completed"),
        (["list", "--since", "yesterday"], "--since is 'yesterday'"),
        (["list", "--until", "2026-02-30"], "--until is '2026-02-30'"),
        (["list", "--since", "2026-11-21", "--until", "2026-11-20"], "which is after --until, 2026-11-20"),
        (["show", "1001"], "Ticket 1001 has no record"),
        (["show", "nowhere.ipynb"], "There is no record nowhere.ipynb"),
        (["verify", "nowhere.ipynb"], "There is no record nowhere.ipynb"),
        (["verify", "0"], "ticket_id"),
        (["verify", "4242"], "Ticket 4242 has neither a record nor a journal"),
        (["export", "x.csv", "--format", "xls"], "'xls' is not one of 'csv'"),
        (["adopt", "nowhere.ipynb", "--ticket", "1001"], "nowhere.ipynb cannot be read"),
    ],
)
def test_bad_usage(desk: Desk, words: list[str], words_shown: str) -> None:
    """Status 2, and a sentence."""
    said = desk.records(*words)
    assert (2, "") == (said.status, said.out)
    assert words_shown in said.err
    assert "Traceback" not in said.err


def test_a_folder_whose_names_became_upper_case(desk: Desk) -> None:
    """As FAT and ISO 9660 do: its files are named, and of a folder without any it is not said that all is well."""
    record = desk.shelf.seal(1001)
    for path in (record, desk.shelf.journal(1001).path):
        path.rename(path.with_name(path.name.upper()))
    shutil.rmtree(desk.shelf.folder(1001).parent / ".keys")
    said = desk.records("verify", 1001)
    words = "".join(said.out.split())  # a long name may be broken over lines
    assert (1, True, True) == (said.status, "misnamed_journal" in words, f"{record.name.upper()}isnot" in words)
    desk.shelf.folder(1002).mkdir()
    assert "Ticket 1002 has neither a record nor a journal" in desk.records("verify", 1002).err


# -- show


def test_show(desk: Desk) -> None:
    """A record by its path, or the last one of a ticket; what was verified comes first."""
    first = desk.shelf.seal(1001)
    last = desk.shelf.end(1001, desk.shelf.begin(1001), notebook(1001).replace(WORDS.encode(), b"Out of scope."))
    by_path, by_ticket = desk.records("show", first).out, desk.records("show", 1001).out
    assert by_path.startswith("Verified: sealed and unaltered.\n\n")
    assert (True, False) == (WORDS in by_path, WORDS in by_ticket)
    stands, _, rest = by_ticket.partition("\n")
    assert (True, desk.records("show", last).out) == (stands.startswith("Ticket 1001: License issued on "), rest)


def test_show_begins_with_how_the_ticket_stands(desk: Desk) -> None:
    """A later try that failed does not hide the outcome, and its record is named."""
    first = desk.shelf.seal(1001)
    desk.shelf.seal(1001, outcome=None, status="failed")
    stands, named, *_ = desk.records("show", 1001).out.splitlines()
    assert stands.startswith("Ticket 1001: License issued on ") and stands.endswith(" UTC: failed.")
    assert named.endswith(f"runbook records show {first}")
    desk.shelf.seal(1002, performed=False, outcome="escalated")
    assert "1002: only rehearsed, on " in (said := desk.records("show", 1002).out.splitlines()[0])
    assert said.endswith(": it would end: Escalated.")


def test_show_html(desk: Desk, tmp_path: Path) -> None:
    """To a file, never over another one; what was verified is said here, too."""
    record = desk.shelf.seal(1001)
    page = tmp_path / "page.html"
    assert f"Verified: sealed and unaltered.\nPage: {page}\n" == desk.records("show", record, "--html", page).out
    assert WORDS in page.read_text(encoding="utf-8")
    assert (2, True) == ((said := desk.records("show", 1001, "--html", page)).status, "--force" in said.err)
    assert 0 == desk.records("show", 1001, "--html", page, "--force").status
    assert 1 == desk.records("show", 1001, "--html", tmp_path / "no" / "page.html").status


def test_show_an_altered_record(desk: Desk) -> None:
    """It is shown, but the first line says what it is."""
    record = desk.shelf.seal(1001)
    record.chmod(0o644)
    record.write_bytes(record.read_bytes().replace(b"[in scope]", b"[no scope]"))
    assert desk.records("show", record).out.startswith("altered: ")


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", notebook(1001)[:300], b"\xff\xfe", notebook(1001, metadata={"runbook": {"schema": 99}})],
    ids=["empty", "text", "truncated", "no UTF-8", "newer"],
)
def test_a_file_that_is_no_record_is_named(desk: Desk, content: bytes) -> None:
    """By each command, without a traceback."""
    desk.shelf.seal(1001)
    odd = desk.shelf.folder(1001) / "odd.ipynb"
    odd.write_bytes(content)
    shown = desk.records("show", odd)
    assert (2, True) == (shown.status, str(odd) in shown.err)
    assert ["sealed", "unsealed"] == [run["state"] for run in desk.records("list", "--json").json["runs"]]
    verified = desk.records("verify", "--json")
    assert (1, 1) == (verified.status, verified.json["sealed"])
    assert ["unsealed"] == [finding["code"] for finding in verified.json["findings"]]


# -- verify


@pytest.mark.parametrize("words", [("list",), ("verify",), ("show", 1001)])
def test_each_journal_is_read_once(desk: Desk, monkeypatch: pytest.MonkeyPatch, words: tuple[object, ...]) -> None:
    desk.shelf.seal(1001)
    read: list[str] = []
    real = files.read

    def spy(path: Path) -> bytes:
        read.append(path.name)
        return real(path)

    monkeypatch.setattr(files, "read", spy)
    assert 0 == desk.records(*words).status
    assert 1 == read.count(desk.shelf.journal(1001).path.name)


def test_verify(desk: Desk) -> None:
    """All tickets, one ticket, or one record: status 0 as long as all is well."""
    record = desk.shelf.seal(1001)
    desk.shelf.seal(1002)
    assert "All is well: 2 sealed records of 2 tickets were verified.\n" == desk.records("verify").out
    assert "All is well: 1 sealed record of 1 ticket was verified.\n" == desk.records("verify", 1002).out
    assert 0 == desk.records("verify", record).status
    record.unlink()
    assert (1, 0, 1) == tuple(desk.records("verify", *words).status for words in ((), (1002,), (record,)))
    said = " ".join(desk.records("verify").out.split())
    assert f"1001 missing {record.name} was sealed, but is not there any more." in said
    assert said.endswith("1 defect; 1 of 2 sealed records of 2 tickets is good.")


def test_verify_with_a_file_of_keys_that_is_missing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong setting is no ticket's defect."""
    monkeypatch.setenv("RUNBOOK_TRUSTED_KEYS", "/nowhere")
    said = desk.records("verify")
    assert (2, True) == (said.status, "RUNBOOK_TRUSTED_KEYS is '/nowhere', which cannot be read" in said.err)


def test_verify_json(desk: Desk) -> None:
    """Codes, words and places; a notice is no defect."""
    record = desk.shelf.seal(1001)
    record.chmod(0o644)
    said = desk.records("verify", "--json")
    assert (0, True) == (said.status, said.json["good"])
    (finding,) = said.json["findings"]
    assert {
        "ticket": "1001",
        "subject": record.name,
        "code": "writable",
        "words": f"{record.name} is unaltered, but could be written to; it was expected read-only.",
        "line": 2,
        "is_defect": False,
    } == finding


# -- export and adopt


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_export(desk: Desk, tmp_path: Path, form: str) -> None:
    """What `list` lists, with its filters."""
    desk.shelf.seal(1001)
    desk.shelf.seal(1002)
    path = tmp_path / f"runs.{form}"
    said = desk.records("export", "--format", form, path, "--ticket", "1001")
    assert (0, f"1 run was written to {path}.\n") == (said.status, said.out)
    assert path.exists()
    assert 2 == desk.records("export", "--format", form, path).status
    assert 0 == desk.records("export", "--format", form, path, "--force").status


def test_freshness_of_the_mirror_is_shown(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By each command that reads it: when it was pulled, and from which share; without a share there is no mirror."""
    desk.shelf.seal(1001)
    page, table = tmp_path / "page.html", tmp_path / "runs.csv"
    commands = [("list",), ("show", 1001), ("show", 1001, "--html", page), ("verify",)]
    commands += [("export", "--format", "csv", table)]
    assert [] == [words for words in commands if "share" in desk.records(*words, *force(words)).out]
    monkeypatch.setenv("RUNBOOK_SHARE", str(tmp_path / "share"))
    (tmp_path / "share").mkdir()
    assert [] == [words for words in commands if "Nothing was pulled" not in desk.records(*words, *force(words)).out]
    assert 0 == desk.records("pull").status
    expected = f"As pulled from {tmp_path / 'share'} at "
    assert [] == [words for words in commands if expected not in desk.records(*words, *force(words)).out]
    assert expected in page.read_text(encoding="utf-8")


def force(words: tuple[object, ...]) -> list[str]:
    """What replaces the file of the command before."""
    return ["--force"] if any(isinstance(word, Path) for word in words) else []


def test_adopt(desk: Desk, tmp_path: Path) -> None:
    """The notebook is sealed under the operator's name."""
    path = tmp_path / "out.ipynb"
    path.write_bytes(notebook(1001))
    said = desk.records("adopt", path, "--ticket", "1001")
    words = "adopted: its contents are not guaranteed"
    assert said.out.startswith(f"It is a record of ticket 1001 now, {words}: ")
    (run,) = desk.records("list", "--json").json["runs"]
    assert ("adopted", "ada", words) == (run["state"], run["operator"], run["note"])
    page, table = tmp_path / "page.html", tmp_path / "runs.csv"
    shown = [desk.records(*each).out for each in (("list",), ("show", 1001), ("verify",))]
    assert (0, 0) == (desk.records("show", 1001, "--html", page).status, desk.records("verify").status)
    desk.records("export", table, "--format", "csv")
    assert [] == [text for text in (*shown, page.read_text(), table.read_text()) if words not in text]
    assert "Verified" not in shown[1]


# -- with the practice world


def test_from_a_run_to_its_verification(own_world: World) -> None:
    """A real run is listed, shown, verified, and found altered after one character was changed."""
    record = Path(own_world.runbook("run", "weekend_license", 1003, "--json").report["record"])
    listed = own_world.runbook("records", "list", "--json").report["runs"]
    assert [(1003, "weekend_license", "sealed", "out_of_scope", record.name, False)] == [
        tuple(run[name] for name in ("ticket_id", "runbook", "state", "outcome", "record", "performed"))
        for run in listed
    ]
    assert own_world.runbook("records", "show", record).stdout.startswith("Verified: sealed and unaltered.")
    assert 0 == own_world.runbook("records", "verify").status
    record.chmod(0o644)
    record.write_bytes(record.read_bytes().replace(b"scope", b"scape", 1))
    assert "altered" in own_world.runbook("records", "verify").stdout


def test_the_notes_tell_of_a_ticket_whose_folder_is_gone(own_world: World, tmp_path: Path) -> None:
    """Read from the ticket; also on a machine that never had the folder."""
    shelf = Shelf(own_world.outputs)
    record = shelf.seal(1001)
    (note,) = shelf.notes(1001)
    unsealed = own_world.runbook("records", "verify", "1001", "--ticket-notes")
    assert (1, True) == (unsealed.status, "not_noted" in unsealed.stdout)
    add_note(own_world, 1001, note.body)
    assert 0 == own_world.runbook("records", "verify", "1001", "--ticket-notes").status
    shutil.rmtree(shelf.folder(1001))
    for words in (("verify", "--ticket-notes"), ("verify", "1001", "--ticket-notes")):
        gone = own_world.runbook("records", *words, "--json")
        codes = [(finding["code"], finding["subject"]) for finding in gone.report["findings"]]
        assert 1 == gone.status
        assert ("missing", record.name) in codes
    elsewhere = own_world.seen_from(tmp_path / "elsewhere").runbook("records", "verify", "1001", "--ticket-notes")
    assert (1, True) == (elsewhere.status, record.name in elsewhere.stdout)


def add_note(world: World, ticket: int, body: str) -> None:
    """Put an internal note on a ticket, as the runner will."""
    from runbook_lib.clients.http import HttpSession
    from runbook_lib.clients.zendesk import Zendesk
    from runbook_lib.settings import Settings

    settings = Settings.load(profile="sandbox", outputs=world.outputs)
    with HttpSession(loopback=True) as session:
        zendesk = Zendesk(settings.zendesk_url, settings.zendesk_credentials(), session)
        zendesk.add_comment(zendesk.settled_ticket(ticket), body, public=False, operation_id="sandbox-1001-seal")
