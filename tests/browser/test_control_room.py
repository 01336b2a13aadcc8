"""The control room in a real browser: it follows a run by itself, does not disturb its reader, and is accessible."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from runbook_lib.sandbox import server
from runbook_lib.sandbox.seeding import make_world
from tests.browser.accessibility import COLORS, serious
from tests.browser.seen import Seen
from tests.practice import WORLD_DATE, Ran, World, start

pytestmark = pytest.mark.slow

REQUESTER = "maya.lindqvist@nordlicht-analytics.example"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    """A world in which nothing has happened."""
    yield from start(tmp_path / "outputs")


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which ticket 1001 was dealt with."""
    for world in start(tmp_path_factory.mktemp("lively") / "outputs"):
        assert 0 == world.runbook("run", "weekend_license", 1001, "--perform").status
        world.inject("slack", "limit", times=3)
        yield world


def go(seen: Seen, world: World, path: str) -> Page:
    seen.page.goto(f"{world.descriptor['url']}{path}")
    return seen.page


def while_watching(seen: Seen, work: Callable[[], Ran]) -> Ran:
    """Do something beside the browser, whose requests this thread passes on meanwhile."""
    with ThreadPoolExecutor(1) as beside:
        doing = beside.submit(work)
        while not doing.done():
            seen.page.wait_for_timeout(50)
        return doing.result()


@contextmanager
def served(world: World) -> Iterator[None]:
    """A world's server as a process of its own, until it is told to stop."""
    process = subprocess.Popen([sys.executable, "-m", "runbook_lib.sandbox", str(world.folder)])
    try:
        deadline = time.monotonic() + 60
        while not server.running(world.folder):
            assert process.poll() is None and time.monotonic() < deadline, "the server does not come up"
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def comment(world: World, text: str) -> None:
    """The requester of ticket 1001 writes again."""
    world.change(
        "INSERT INTO comments (ticket_id, audit_id, author_id, body, public, created_at)"
        " SELECT ticket_id, audit_id, author_id, ?, 1, created_at FROM comments WHERE ticket_id = 1001 LIMIT 1",
        text,
    )


def test_a_run_is_seen_as_it_happens(here: World, seen: Seen) -> None:
    """Thread, mail, Slack post, issue and pipeline appear in a page that is never loaded again."""
    seen.resize(1280, 900)
    page = go(seen, here, "/control-room/1001")
    page.evaluate("window.neverReloaded = true")
    for pane in ("mail", "slack", "tracker", "pipelines"):
        expect(page.locator(f"#{pane} .card")).to_have_count(0)

    ran = while_watching(seen, lambda: here.runbook("run", "weekend_license", 1001, "--perform"))

    assert 0 == ran.status, ran.stderr
    expect(page.locator("#mail .card", has_text=REQUESTER)).to_have_count(1)
    expect(page.locator("#slack .card", has_text="/agent/tickets/1001>")).to_have_count(len(here.posts(1001)))
    expect(page.locator("#tracker .card", has_text="/agent/tickets/1001")).to_have_count(1)
    expect(page.locator("#pipelines .card", has_text="success")).to_have_count(1)
    number = here.rows("SELECT count(*) AS number FROM comments WHERE ticket_id = 1001")[0]["number"]
    expect(page.locator("#thread .comment")).to_have_count(number)
    expect(page.locator("#state")).to_contain_text("New: ")
    assert page.evaluate("window.neverReloaded")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".arrived").first.evaluate("item => Promise.all(item.getAnimations().map(move => move.finished))")
    for _ in seen.in_both_themes():
        seen.shot("control-room-ticket")
    assert ([], []) == (seen.outside, seen.errors)


def test_an_update_keeps_focus_scroll_and_folds(lively: World, seen: Seen) -> None:
    """A pane that changes keeps them; what is new does not push the rest away."""
    seen.resize(1280, 500)
    page = go(seen, lively, "/control-room/1001")
    lively.change("UPDATE pipelines SET status = 'running'")
    lively.change("UPDATE mails SET received_at = 'a while ago'")
    expect(page.locator("#pipelines summary")).to_contain_text("running")
    expect(page.locator("#mail")).to_contain_text("a while ago")
    page.locator("#pipelines summary").focus()
    page.keyboard.press("Enter")
    page.locator("#mail summary").click()
    page.locator("#pipelines summary").focus()
    thread = page.locator("#thread")
    thread.evaluate("pane => pane.scrollTop = 300")
    first = "[...document.querySelectorAll('#thread .comment')].find(item => item.getBoundingClientRect().bottom > 200)"
    was = page.evaluate(f"(window.seenItem = {first}).getBoundingClientRect().top")
    item = page.evaluate("window.seenItem.id")

    lively.change("UPDATE pipelines SET status = 'success'")
    lively.change("UPDATE mails SET received_at = 'just now'")
    comment(lively, "and\nanother\nthing")

    expect(thread).to_contain_text("another")
    expect(page.locator("#pipelines summary")).to_contain_text("success")
    expect(page.locator("#mail")).to_contain_text("just now")
    assert (1, 1, 1) == tuple(page.locator(f"#{pane} .arrived").count() for pane in ("pipelines", "mail", "thread"))
    assert "PIPELINES SUMMARY" == page.evaluate(
        "`${document.activeElement.closest('.pane').id} ${document.activeElement.tagName}`.toUpperCase()"
    )
    assert page.locator("#pipelines details").evaluate("it => it.open"), "what was opened stays open"
    assert not page.locator("#mail details").evaluate("it => it.open"), "what was closed stays closed"
    assert abs(was - page.locator(f"#{item}").evaluate("it => it.getBoundingClientRect().top")) < 2
    assert [] == seen.errors


def test_an_update_keeps_selected_text(here: World, seen: Seen) -> None:
    """Its pane waits until the mark is gone; the others do not."""
    page = go(seen, here, "/control-room/1001")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#thread .text'))")
    marked = page.evaluate("getSelection().toString()")
    comment(here, "one more thing")
    here.change("INSERT INTO messages SELECT id, '1.5', '/agent/tickets/1001>', '{}' FROM channels LIMIT 1")
    expect(page.locator("#slack .card")).to_have_count(1)
    assert marked == page.evaluate("getSelection().toString()") != ""
    page.evaluate("getSelection().removeAllRanges()")
    expect(page.locator("#thread")).to_contain_text("one more thing")


def test_an_unreachable_world_is_reported_until_it_answers(here: World, seen: Seen) -> None:
    """What it shows may be old then, and it must not look as if nothing happened."""
    page = go(seen, here, "/control-room")
    page.context.set_offline(True)
    expect(page.locator("#state.lost")).to_contain_text("does not answer")
    comment(here, "meanwhile")
    page.context.set_offline(False)
    expect(page.locator("#thread")).to_contain_text("meanwhile")
    expect(page.locator("#state:not(.lost)")).not_to_contain_text("does not answer")


def test_a_server_that_stops_and_comes_back_is_followed(seen: Seen, tmp_path: Path) -> None:
    """A world that is served again is so on the port of before: the open page goes on, with what happened meanwhile."""
    world = World(tmp_path / "outputs")
    make_world(world.folder, WORLD_DATE)
    with served(world):
        page = go(seen, world, "/control-room/1001")
        page.evaluate("window.neverReloaded = true")
    expect(page.locator("#state.lost")).to_contain_text("does not answer")
    assert [] == serious(page)
    comment(world, "meanwhile")
    with served(world):
        expect(page.locator("#thread")).to_contain_text("meanwhile")
        expect(page.locator("#state:not(.lost)")).not_to_contain_text("does not answer")
    assert page.evaluate("window.neverReloaded")


def test_faults_are_set_and_cleared_by_keyboard(here: World, seen: Seen) -> None:
    """On a ticket's page, which stays the same ticket's."""
    page = go(seen, here, "/control-room/1001")
    page.get_by_role("button", name="Slack is down").press("Enter")
    expect(page.locator("#faults .card")).to_have_count(1)
    assert page.url.endswith("/control-room/1001#faults")
    here.inject("gitlab", "limit")
    expect(page.locator("#faults .card")).to_have_count(2)
    assert [] == serious(page)
    page.get_by_role("button", name="Clear fault 2").press("Enter")
    expect(page.locator("#faults .card")).to_have_count(1)
    page.get_by_role("button", name="Clear all").press("Enter")
    expect(page.locator("#faults")).to_contain_text("None: everything works.")
    assert ([], "/control-room/1001#faults") == (seen.outside, page.url.removeprefix(here.descriptor["url"]))


def test_the_hostile_ticket_runs_nothing(here: World, seen: Seen) -> None:
    """Not when it is loaded, and not when its panes are swapped."""
    page = go(seen, here, "/control-room/1011")
    hostile = "<img src=x onerror=alert(1)><script>alert(1)</script>"
    here.change("UPDATE comments SET body = ? WHERE ticket_id = 1011", hostile)
    expect(page.locator("#thread")).to_contain_text(hostile)
    assert (1, 0) == (page.locator("script").count(), page.locator("img").count())
    assert ([], []) == (seen.outside, seen.errors)


UNFOLD = "document.querySelectorAll('details').forEach(it => it.open = true)"


@pytest.mark.parametrize("path", ["/control-room", "/control-room/1001", "/control-room/4711"])
def test_the_page_is_accessible(lively: World, seen: Seen, path: str) -> None:
    """With everything opened, in both themes and on a narrow screen: no serious finding, nothing beside the screen."""
    page = go(seen, lively, path)
    name = path.strip("/").replace("/", "-").replace("?", "-")
    for width in (1280, 400):
        seen.resize(width, 900)
        page.evaluate(UNFOLD.replace("true", "false"))
        for _ in seen.in_both_themes():
            seen.shot(f"{name}-{width}")
        page.evaluate(UNFOLD)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert [] == serious(page)
    assert [] == dark_colors(seen)  # they are the same at every width


def dark_colors(seen: Seen) -> list[str]:
    """What is wrong with the colors of the dark theme; nothing else is another one's there."""
    seen.page.emulate_media(color_scheme="dark")
    found = serious(seen.page, rules=COLORS)
    seen.page.emulate_media(color_scheme="light")
    return found


def test_the_page_of_an_empty_world_is_accessible(here: World, seen: Seen) -> None:
    """Where there is nothing at all."""
    for table in ("attachments", "comments", "audits", "tickets", "issues"):
        here.change(f"DELETE FROM {table}")
    for path in ("/control-room", "/control-room/1001"):
        assert [] == serious(go(seen, here, path))
        assert [] == dark_colors(seen)


def test_a_serious_finding_is_reported(lively: World, seen: Seen) -> None:
    """The check itself: pale words and a button without a name are found, and only where one looks."""
    page = go(seen, lively, "/control-room")
    page.evaluate("document.querySelector('h1').style.color = '#888'; document.body.style.background = '#999'")
    page.evaluate("document.querySelector('#mail').append(document.createElement('button'))")
    found: Any = serious(page)
    assert {"color-contrast (serious)", "button-name (critical)"} <= {words.split(":")[0] for words in found}
    assert ["button-name (critical)"] == [words.split(":")[0] for words in serious(page, "#mail button")]
