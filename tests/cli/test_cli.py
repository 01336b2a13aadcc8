"""The command line's contract: what `--json` prints, exit statuses, help, and the practice world behind it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
import pytest

from runbook_lib.cli.main import main
from runbook_lib.domain import license
from runbook_lib.domain.models import Status
from runbook_lib.job_settings import JobSettings
from runbook_lib.sandbox import server
from runbook_lib.sandbox.world import world_date
from runbook_lib.settings import ROOT, Settings
from tests.documents import PATHS, documented
from tests.practice import World

VECTORS = Path(__file__).parents[1] / "data" / "license-vectors"


def test_run_json_prints_the_contract(world: World) -> None:
    """Nothing else is on standard output."""
    ran = world.runbook("run", "weekend_license", 1003, "--json")
    assert [
        "ticket_id",
        "runbook",
        "performed",
        "status",
        "outcome",
        "summary",
        "record",
        "effects",
        "missing",
        "next_runbook",
        "seconds",
    ] == list(ran.report)
    assert {"name", "state", "summary", "evidence"} == set(ran.report["effects"][0])


def test_run_prints_the_outcome_the_effects_and_the_record(world: World) -> None:
    """For a person."""
    ran = world.runbook("run", "weekend_license", 1001)
    assert ran.stdout.startswith("weekend_license, ticket 1001 (practice, rehearsal): would end: License issued\n")
    assert "To perform it: runbook run weekend_license 1001 --perform\n" in ran.stdout
    assert "post in #support_licensing-subscription" in ran.stdout
    assert re.search(r"Record: .*/sandbox/1001/\d{8}T\d{9}Z-weekend_license-[0-9a-f]{8}\.ipynb", ran.stdout)


@pytest.mark.slow
def test_run_starts_a_practice_world_when_none_is_there(tmp_path: Path) -> None:
    """It keeps its state, and its server is stopped after the run."""
    world = World(tmp_path / "outputs")
    assert 0 == world.runbook("run", "weekend_license", 1003, "--perform").status
    assert server.running(world.folder) is None
    assert not [path for path in (world.outputs / "sandbox").iterdir() if path.name.startswith(".world-")]
    again = world.runbook("run", "weekend_license", 1003, "--perform", "--json")
    assert ["adopted"] == [effect["state"] for effect in again.report["effects"]]


@pytest.mark.slow
def test_people_read_words_where_programs_read_names(own_world: World) -> None:
    """What a second run finds is called on the terminal as on the cards, wherever it is shown."""
    first = own_world.runbook("run", "weekend_license", 1001, "--perform", "--json").report
    shown = [
        own_world.runbook("run", "weekend_license", 1001, "--perform").stdout,
        own_world.runbook("records", "show", 1001, "--all").stdout,
        own_world.runbook("journal", "show", 1001).stdout,
    ]
    names = re.compile("adopted|already_done|license_issued")
    assert [[], [], []] == [names.findall(one) for one in shown]
    assert [True] * 3 == ["found, not repeated" in one for one in shown]
    assert [True, True] == ["done before, not repeated" in one for one in shown[:2]]
    effects = own_world.runbook("run", "weekend_license", 1001, "--json").report["effects"]
    made_by = {(one["state"], one.get("run")) for one in effects}
    assert {("adopted", None), ("already_done", Path(first["record"]).name)} == made_by


@pytest.mark.slow
def test_a_record_fits_a_screen(own_world: World) -> None:
    """Its outcome, evidence, effects and decisions, also of a run that follows another one."""
    for _ in range(2):
        own_world.runbook("run", "weekend_license", 1001, "--perform")
        brief, whole = (own_world.runbook("records", "show", 1001, *words).stdout for words in ((), ("--all",)))
        assert (True, True) == (len(brief.splitlines()) <= 40, len(whole.splitlines()) > 120)
        for words in ("License issued", "public reply", "what is open", "decide_scope"):
            assert words in brief


@pytest.mark.slow
def test_run_that_asks_names_each_way_to_answer(world: World) -> None:
    """The answers, or a flag in their place: each is a command of its own."""
    said = world.runbook("run", "weekday_triage", 2901).stdout
    ways = ("runbook run weekday_triage 2901 -p subscription NAME", "runbook run weekday_triage 2901 -p escalate True")
    assert "\n    ".join(("To answer, one of these:", *ways, "runbook lab 2901 ")) in said


@pytest.mark.parametrize(
    ("runbook", "ticket", "following"),
    [("start_here", 1002, "weekend_license"), ("license_not_received", 3003, "weekend_license")],
)
def test_run_that_hands_over_names_the_next_runbook(
    world: World, tmp_path: Path, runbook: str, ticket: int, following: str
) -> None:
    """Wherever a person reads how it ended; for programs it is completed, without an outcome."""
    end = f"oes on with {following}"
    ran = world.runbook("run", runbook, ticket)
    assert ran.stdout.splitlines()[0].endswith(f"(practice, rehearsal): g{end}")
    assert f"To go on: runbook run {following} {ticket}\n" in ran.stdout
    record = world.runbook("records", "show", ticket).stdout
    assert record.splitlines()[2].startswith(f"[G{end}] RECORD of ticket {ticket}")
    (tmp_path / "list.csv").write_text(f"{ticket},{runbook}\n")
    for words in (("records", "list"), ("journal", "show", ticket), ("batch", tmp_path / "list.csv")):
        assert end in world.runbook(*words).stdout
    listed = world.runbook("records", "list", "--ticket", ticket, "--runbook", runbook, "--json").report["runs"][-1]
    assert ("completed", "", following) == tuple(listed[name] for name in ("status", "outcome", "next_runbook"))


@pytest.mark.slow
def test_run_on_anothers_ticket_prints_its_command(world: World) -> None:
    """With the answers that the right runbook takes; there is nothing to perform here."""
    answers = ("-p", "emergency_on", "2026-11-23", "-p", "user_count", "250")
    ran = world.runbook("run", "weekend_license", 1001, *answers)
    assert "Would end: Out of scope: this ticket is for weekday_triage." in ran.stdout
    assert "To go on: runbook run weekday_triage 1001 -p emergency_on 2026-11-23\n" in ran.stdout
    assert "To perform it" not in ran.stdout and "answer them yourself" not in ran.stdout


@pytest.mark.slow
def test_runs_at_once_start_one_practice_world(tmp_path: Path) -> None:
    """Whichever is first makes it; whichever ends first leaves it to the others."""
    world = World(tmp_path / "outputs")
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda ticket: world.runbook("run", "weekend_license", ticket, "--json"), (1001, 1003)))
    assert [0, 0] == [ran.status for ran in runs], [ran.stderr for ran in runs]
    assert ["license_issued", "out_of_scope"] == [ran.report["outcome"] for ran in runs]
    server.wait_for_stopping(world.folder)
    assert server.running(world.folder) is None


@pytest.mark.parametrize("given", ["2026-02-30", "unknown", "", "1926-11-06"])
def test_sandbox_refuses_a_date_that_is_none(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the option's own name, before the old world is set aside."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path))
    (tmp_path / "sandbox").mkdir()
    assert 2 == main(["sandbox", "--new", "--date", given])
    assert capsys.readouterr().err.startswith(f"runbook: --date is '{given}'; expected a da")
    assert ["sandbox"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("status", "expected"), [("completed", 0), ("needs_answer", 3), ("cancelled", 1), ("killed", 1)]
)
def test_the_exit_status_says_how_the_run_ended(
    status: str, expected: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """0 an outcome or a plan, 3 a person is needed, 1 anything else."""
    from runbook_lib.cli import practice
    from runbook_lib.run import runner, ticket_check

    report = runner.Report(1001, "weekend_license", False, Status(status), None, "", "x.ipynb", [], [], None, 0.1)
    monkeypatch.setenv("RUNBOOK_PROFILE", "sandbox")
    monkeypatch.setattr(runner, "run", lambda *_, **__: report)
    monkeypatch.setattr(practice, "world", lambda _: nullcontext())
    monkeypatch.setattr(ticket_check, "refusal", lambda *_: "")
    monkeypatch.setattr(Settings, "load", Settings.local)
    assert expected == main(["run", "weekend_license", "1001"])


@pytest.mark.slow
def test_practice_does_not_see_the_live_configuration(world: World) -> None:
    """Not even the job that the sandbox starts: what is live would issue nothing, or by hand."""
    live = {f"RUNBOOK_{name}": "live" for name in ("ZENDESK_FIELD_PLAN", "MECHANIZER_VARIABLE_USERS", "MECHANIZER_REF")}
    live |= {"RUNBOOK_TRACKER_PROJECT_ID": "live", "RUNBOOK_SECRETS_DIR": "/nowhere", "RUNBOOK_SMTP_HOST": "live"}
    ran = world.runbook("run", "weekend_license", 1005, "--json", **live)
    assert (0, "license_issued") == (ran.status, ran.report["outcome"])


def test_the_demo_takes_no_setting_along(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its runs know where the outputs go, and that they are practice; `.env` is then not opened."""
    from runbook_lib.cli import demo

    monkeypatch.setenv("RUNBOOK_ISSUER", "manual")
    monkeypatch.setenv("runbook_grace_days", "3")
    found = {name: value for name, value in demo._environment(tmp_path).items() if "runbook_" in name.lower()}
    assert {"RUNBOOK_PROFILE": "sandbox", "RUNBOOK_OUTPUTS": str(tmp_path)} == found


@pytest.mark.slow
def test_the_demo_ends_with_a_next_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command that it names shows the record of a ticket; two tickets of the demo are enough to see that."""
    from runbook_lib.cli import demo

    few = {ticket: end for ticket, end in demo.expected_ends().items() if ticket.id in (1001, 1003)}
    monkeypatch.setattr(demo, "expected_ends", lambda: few)
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path))
    assert 0 == demo.main(Settings.local(profile="sandbox"))
    said = capsys.readouterr().out
    assert "License issued" in said
    assert "license_issued" not in said
    command = said.partition("Next, read the record of a ticket:\n")[2].partition("\n")[0]
    shown = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert "RECORD of ticket 1001" in shown.stdout


def test_record_name_and_folder(world: World) -> None:
    """Beside the journal, which has its digest."""
    import hashlib

    ran = world.runbook("run", "weekend_license", 1004, "--json")
    record = Path(ran.report["record"])
    assert world.outputs / "sandbox" / "1004" == record.parent
    last = json.loads(next(record.parent.glob("journal.*.jsonl")).read_text().splitlines()[-1])
    assert (record.name, hashlib.sha256(record.read_bytes()).hexdigest()) == (last["record"], last["sha256"])
    assert not [path for path in record.parent.iterdir() if path.suffix == ".part"]


def test_license_read_shows_what_a_file_says(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON, and never the license itself."""
    file = VECTORS / "with-boundary.gitlab-license"
    assert 0 == main(["license", "read", str(file), "--public-key", str(VECTORS / "key.pub"), "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert ("ultimate", True, 250) == (facts["plan"], facts["trial"], facts["user_count"])
    assert license.fingerprint(file.read_bytes()) == facts["fingerprint"]
    assert 0 == main(["license", "read", str(file), "--public-key", str(VECTORS / "key.pub")])
    shown = capsys.readouterr().out
    assert "2026-08-25" in shown
    assert "BEGIN" not in shown


FIELD = Path(__file__).parents[1] / "data" / "field"


@pytest.mark.parametrize(
    "name",
    ["utf16-powershell.gitlab-license", "utf8-bom.gitlab-license", "license_usage.csv", "plain-crlf.gitlab-license"],
)
def test_license_read_takes_any_wrapping(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """UTF-16, the usage export, and what was read before."""
    assert 0 == main(["license", "read", str(FIELD / name), "--public-key", str(FIELD / "public.pem"), "--json"])
    assert "2026-11-06" == json.loads(capsys.readouterr().out)["expires_on"]


def test_license_read_tells_all_of_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a list for programs; people read which one GitLab takes."""
    file = tmp_path / "both"
    names = ("short-plain.gitlab-license", "utf8-bom.gitlab-license")
    file.write_text("\n".join((FIELD / name).read_text(encoding="utf-8-sig") for name in names))
    words = ["license", "read", str(file), "--public-key", str(FIELD / "public.pem")]
    assert 0 == main([*words, "--json"])
    assert 2 == len(json.loads(capsys.readouterr().out))
    assert 0 == main(words)
    assert "takes the last one" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["license", "read", "nowhere", "--public-key", str(VECTORS / "key.pub")], "nowhere"),
        (["license", "read", str(VECTORS / "README.md"), "--public-key", str(VECTORS / "key.pub")], "license"),
        (["license", "read", str(VECTORS / "plain.gitlab-license")], "--public-key"),
    ],
    ids=["missing file", "no license", "no key"],
)
def test_license_read_says_what_is_wrong(
    words: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one line, with exit status 2."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path))
    assert 2 == main(words)
    captured = capsys.readouterr()
    assert ("", 1) == (captured.out, captured.err.count("\n"))
    assert expected in captured.err


def test_license_read_uses_the_key_of_the_profile(
    monkeypatch: pytest.MonkeyPatch, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The practice world's in practice, the configured one in live."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", str(world.outputs))
    monkeypatch.setenv("RUNBOOK_LICENSE_PUBLIC_KEY_FILE", str(VECTORS / "key.pub"))
    for profile, status in (("live", 0), ("sandbox", 2)):
        monkeypatch.setenv("RUNBOOK_PROFILE", profile)
        assert status == main(["license", "read", str(VECTORS / "plain.gitlab-license")])
    assert "public key" in capsys.readouterr().err


@pytest.mark.slow
def test_sandbox_with_another_date_needs_new(tmp_path: Path) -> None:
    """The old world and its records are kept under another name."""
    world = World(tmp_path / "outputs")
    assert 0 == world.runbook("run", "weekend_license", 1003).status
    refused = world.runbook("sandbox", "--date", "2026-03-01")
    assert 2 == refused.status
    assert "--new" in refused.stderr
    process = subprocess.Popen(
        [sys.executable, "-m", "runbook_lib.cli", "sandbox", "--date", "2026-03-01", "--new"],
        env=world.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        assert "2026-03-01" in process.stdout.readline()
        process.terminate()
    assert "2026-03-01" == str(world_date(world.folder))
    (kept,) = world.outputs.glob("sandbox-until-*")
    assert [*(kept / "1003").glob("*.ipynb")]


def test_sandbox_names_the_server_that_there_is_already(world: World) -> None:
    """With the address of its control room."""
    refused = world.runbook("sandbox")
    url = world.descriptor["url"]
    assert (2, "") == (refused.status, refused.stdout)
    assert f" {url}/control-room. Use that server, or stop it first." in refused.stderr


def test_documented_commands_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every `runbook` line of the documents, and every RUNBOOK_ name in them is a setting."""
    readme = documented()
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", readme, re.DOTALL)
    lines = [line.split(" #")[0] for block in blocks for line in block.splitlines() if "runbook " in line]
    commands = [shlex.split(line[line.index("runbook ") :])[1:] for line in lines if "make" not in line]
    assert len(commands) >= 3
    assert [] == [words for words in commands if parsed(monkeypatch, *words) is None]
    known = {f"RUNBOOK_{name.upper()}" for kind in (Settings, JobSettings) for name in kind.model_fields}
    assert set() == set(re.findall(r"(?<!_)RUNBOOK_[A-Z_]+[A-Z]", readme)) - known - {"RUNBOOK_SECRETS_DIR"}


def parsed(monkeypatch: pytest.MonkeyPatch, *words: str) -> dict[str, Any] | None:
    """What a command would be given, or None if it refuses the words."""
    given: list[dict[str, Any]] = []
    with monkeypatch.context() as patch:
        patch.setattr(click.Command, "invoke", lambda command, context: given.append(context.params))
        status = main(words)
    return given[-1] if status == 0 else None


def test_make_targets_named_in_the_documents_exist() -> None:
    """README and CONTRIBUTING name only targets of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = set()
    for path in (*PATHS, ROOT / "CONTRIBUTING.md"):
        named |= set(
            re.findall(
                r"(?<![a-z])make ([a-z]+)",
                "\n".join(re.findall(r"`[^`]+`|```.*?```", path.read_text(), re.DOTALL)),
            )
        )
    assert {"demo", "test"} <= named
    assert set() == named - targets
