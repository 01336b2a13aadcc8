"""Completion in a shell, asked for as bash asks: what is offered, and that asking is light."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from runbook_lib import variables
from runbook_lib.cli.main import main
from runbook_lib.run.intake import REVIEW
from tests.configuration import without_configuration

HEAVY = ("pydantic", "httpx", "tabulate", "cryptography", "papermill", "nbformat", "runbook_lib.settings", "asyncio")

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
RUNBOOKS = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb") if path.stem != REVIEW)


@pytest.fixture(autouse=True)
def outputs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of two tickets."""
    without_configuration(monkeypatch, tmp_path)
    monkeypatch.setattr(variables, "ROOT", tmp_path)
    monkeypatch.setenv("RUNBOOK_NOTEBOOKS", str(NOTEBOOKS))
    for name in ("sandbox/1001", "sandbox/1002", "sandbox/.keys", "live/4711"):
        (tmp_path / "outputs" / name).mkdir(parents=True)
    return tmp_path / "outputs"


def offered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str) -> list[str]:
    """What bash is offered for the last word of a line, which a blank begins anew."""
    words = shlex.split(line)
    monkeypatch.setenv("_RUNBOOK_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) if line.endswith(" ") else len(words) - 1))
    assert 0 == main([])
    said = capsys.readouterr()
    assert "" == said.err
    return [item.partition(",")[2] for item in said.out.split()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("runbook r", ["run", "records"]),
        ("runbook records ve", ["verify"]),
        ("runbook run w", ["weekday_triage", "weekend_license"]),
        ("runbook run ", ["auto", *RUNBOOKS]),
        ("runbook run weekend_license ", ["1002", "1001"]),
        ("runbook answer 1", ["1002", "1001"]),
        ("runbook records list --ticket 1", ["1002", "1001"]),
        ("runbook run weekend_license 1001 -p exp", ["expires_on"]),
        ("runbook run -p exp", []),
        ("runbook run weekend_license 1001 --parameter take", ["take_over"]),
        ("runbook run weekend_license -p plan free 1001 -p pla", []),
        ("runbook run weekend_license 1001 -p plan ", ["starter", "premium", "ultimate", "free"]),
        ("runbook run weekend_license 1001 -p user_count ", []),
        ("runbook run auto 1001 -p entry", ["entry_today"]),
        ("runbook run ../weekend_license 1001 -p exp", []),
        ("runbook run nowhere 1001 -p exp", []),
        ("runbook run weekend_license 1001 --pe", ["--perform"]),
        ("runbook nowhere r", ["run", "records"]),
    ],
)
def test_what_is_offered(
    line: str, expected: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each kind of word."""
    assert expected == offered(monkeypatch, capsys, line)


@pytest.mark.parametrize("in_file", [False, True], ids=["environment", ".env"])
def test_tickets_of_the_profile(
    in_file: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], outputs: Path
) -> None:
    """Wherever it is set; a misspelt setting beside it is none of the shell's business."""
    monkeypatch.setenv("RUNBOOK_MISSPELT", "1")
    if in_file:
        (outputs.parent / ".env").write_text("RUNBOOK_PROFILE=live\n")
    else:
        monkeypatch.setenv("RUNBOOK_PROFILE", "live")
    assert ["4711"] == offered(monkeypatch, capsys, "runbook journal show ")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_ask_in_their_own_way(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """fish passes the word itself, the others its place."""
    words = "runbook run weekend_license 1001 -p plan pre"
    monkeypatch.setenv("_RUNBOOK_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", "pre" if shell == "fish" else "6")
    assert 0 == main([])
    assert "premium" in capsys.readouterr().out


def test_outputs_that_are_not_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is offered, and nothing made."""
    monkeypatch.setenv("RUNBOOK_OUTPUTS", "/nowhere")
    assert [] == offered(monkeypatch, capsys, "runbook run weekend_license ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_of_a_shell(shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As the help says how to get it."""
    monkeypatch.setenv("_RUNBOOK_COMPLETE", f"{shell}_source")
    assert 0 == main([])
    assert f"_RUNBOOK_COMPLETE={shell}_complete" in capsys.readouterr().out
    monkeypatch.delenv("_RUNBOOK_COMPLETE")
    assert 0 == main(["--help"])
    assert f"_RUNBOOK_COMPLETE={shell}_source runbook" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line", ["--help", "runbook run w", "runbook run weekend_license 1001 -p exp", "runbook answer "]
)
def test_asking_imports_nothing_heavy(line: str) -> None:
    """So that help and completion answer within 0.15 s: a bound on time would depend on the machine."""
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")), "_RUNBOOK_COMPLETE": "bash_complete"}
    words, environment = (["--help"], {}) if line == "--help" else ([], asked)
    code = f"import sys; from runbook_lib.cli.main import main; main({words}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout
    assert [] == [name for name in done.stderr.split() if name in HEAVY]
