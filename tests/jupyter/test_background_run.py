"""A performing run in a process of its own, seen through its journal."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.domain.errors import UnavailableError
from runbook_lib.jupyter.background_run import BackgroundRun, RunProgress
from runbook_lib.settings import Settings
from tests.practice import World, start

pytestmark = [pytest.mark.apart, pytest.mark.slow]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for world in start(tmp_path / "outputs"):
        monkeypatch.setenv("RUNBOOK_OUTPUTS", str(world.outputs))
        yield world


def performance(ticket_id: int) -> BackgroundRun:
    """A run of the weekend runbook that is not begun yet."""
    return BackgroundRun(Settings.load(), "weekend_license", ticket_id)


def last(run: BackgroundRun) -> RunProgress:
    """How it ended."""
    *_, found = run.progress()
    return found


def test_it_is_followed_step_by_step(here: World) -> None:
    """Titles are those of the notebook; the end is the journal's."""
    run = performance(1001)
    assert (False, None) == (run.is_under_way, run.last())
    assert run.begin({})
    seen = list(run.progress())
    assert ["Open the ticket", "Take the ticket", "Collect the facts"] == list(seen[-1].steps[:3])
    assert 12 == seen[-1].total == len(seen[-1].steps)
    assert [False] * (len(seen) - 1) + [True] == [one.is_over for one in seen]
    ended = seen[-1].ended
    assert ended and "license_issued" == ended["outcome"]
    ours = ("sandbox-1001-license-1", "sandbox-1001-reply", "sandbox-1001-note", "sandbox-1001-slack_post")
    assert (
        dict.fromkeys(ours, "done").items()
        <= {one: operation.kind for one, operation in seen[-1].operations.items()}.items()
    )
    evidence = seen[-1].operations["sandbox-1001-license-1"].evidence
    assert "/-/pipelines/" in evidence["url"]
    assert (False, ended["record"]) == (run.is_under_way, (run.last() or {})["record"])


def test_only_the_reports_notice_is_one(here: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else the command says on its standard error, such as a warning at its start."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nprint('runbook: only a warning', file=sys.stderr)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run = performance(1001)
    run.begin({})
    end = last(run)
    assert end.ended
    assert "" == end.notice


def test_a_second_one_is_not_begun_but_followed(here: World) -> None:
    """Whoever began it."""
    first, second = performance(1001), performance(1001)
    assert (True, False) == (first.begin({}), second.begin({}))
    assert second.is_under_way
    ends = [last(second), last(first)]
    assert [True, False] == [end.following for end in ends]
    assert 1 == len({str(end.ended and end.ended["record"]) for end in ends})
    assert 1 == len(here.posts(1001))


def test_answers_are_passed_on(here: World) -> None:
    """A wrong one gets the command's error, and nothing is begun."""
    run = performance(1001)
    run.begin({"user_count": "300"})
    assert "300 users" in str((last(run).ended or {})["summary"])
    run = performance(1005)
    run.begin({"user_count": "many"})
    end = last(run)
    assert end.error.startswith("user_count is 'many'; expected a whole number of users")
    assert (None, []) == (end.ended, here.comments(1005))


def test_a_killed_process_is_reported(here: World) -> None:
    """And pressing again goes on from there."""
    run = performance(1001)
    run.begin({})
    killed = False
    for now in run.progress():
        if now.steps and run.pid and not killed:
            killed = True
            os.kill(run.pid, signal.SIGKILL)
    assert now.error.startswith("The run was interrupted before its end. Press again")
    again = performance(1001)
    while not again.begin({}):  # the orphaned kernel ends by itself
        last(again)
    assert "license_issued" == (last(again).ended or {})["outcome"]
    assert 1 == len(here.posts(1001))


def test_a_folder_that_takes_nothing(here: World) -> None:
    """It is reported before anything is begun."""
    (here.outputs / "sandbox" / "1001").write_text("a file in its place")
    with pytest.raises(UnavailableError, match="cannot be used"):
        _ = performance(1001).is_under_way
