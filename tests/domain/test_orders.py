"""What follows from everything that there is of a license order: every combination ends, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import combinations_with_replacement as multisets
from itertools import product
from pathlib import Path

import pytest

from runbook_lib.domain import messages, orders, titles
from runbook_lib.domain.models import Pipeline, TrackerIssue
from runbook_lib.domain.orders import LicenseOrder, NextAction, NextStep
from runbook_lib.domain.titles import Mark

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
QUIET = NOW - timedelta(seconds=60)
EMAIL, TICKET = "admin@customer.example", "https://team.zendesk.com/agent/tickets/1001"
COPY = messages.license_copy(
    (Path(__file__).parents[1] / "data/license-vectors/with-boundary.gitlab-license").read_text().strip()
)
STATES = ("running", "failed", "success", "canceled a moment ago")
ISSUES = {
    "done": (Mark.SUCCESS, "closed", COPY),
    "failed": (Mark.FAILURE, "opened", messages.failure_body("mailbox full")),
    "before the mail": (Mark.IN_PROGRESS, "opened", messages.NO_MAIL_YET),
    "about to mail": (Mark.IN_PROGRESS, "opened", f"The mail is being sent.\n\n{COPY}"),
    "closed by hand": (Mark.IN_PROGRESS, "closed", "The mail is being sent."),
    "retitled by hand": (None, "closed", COPY),
    "opened again": (Mark.SUCCESS, "opened", COPY),
    "success retitled": (Mark.SUCCESS, "closed", COPY),
}
TITLES = {
    "retitled by hand": "Done!",
    "success retitled": f"[Success] - Created a license under {EMAIL} for 250 users (done)",
}
MAY_HAVE_MAILED = ("about to mail", "closed by hand", "retitled by hand", "opened again", "success retitled")


def pipeline(number: int, state: str) -> Pipeline:
    word, _, just = state.partition(" ")
    return Pipeline(number, word, f"https://gitlab.example/p/{number}", NOW if just else NOW - timedelta(hours=2))


def issue(iid: int, kind: str, *, ago: timedelta = timedelta(minutes=10)) -> TrackerIssue:
    mark, state, body = ISSUES[kind]
    title = TITLES.get(kind) or titles.write(mark or Mark.SUCCESS, EMAIL, 250)
    url = f"https://gitlab.example/i/{iid}"
    text = messages.issue_description("live-1001-license-1", "grace", TICKET, body)
    return TrackerIssue(iid, title, state, (messages.LABEL,), NOW - ago, url, text, raw=text)


@dataclass
class World:
    """An order's traces, and what decisions do to them; `came` is what the customer's mailbox has."""

    order: LicenseOrder
    came: bool
    performed: int = 0
    questions: int = 0
    steps: list[NextAction] = field(default_factory=list)

    def follow(self) -> NextAction:
        """Do what is decided until nothing is left to do; a person answers truthfully."""
        while len(self.steps) < 12:
            step = orders.decide(self.order)
            self.steps.append(step.do)
            later = self.order.left and not self.order.is_quiet  # a later run closes them
            if step.do in (NextAction.ADOPT, NextAction.GIVE_UP) and not (step.duplicates or later):
                return step.do
            self._apply(step)
        raise AssertionError(f"no end: {self.steps}")

    def _apply(self, step: NextStep) -> None:
        now = step.order
        if step.do is NextAction.PERFORM:
            self.performed += 1
            now = replace(now, issued=issue(99, "done"), pipelines=(pipeline(99, "success"),))
        elif step.do is NextAction.ASK or step.then_ask:
            self.questions += 1
            now = replace(now, mail=self.came)
        elif step.do is NextAction.RETITLE or step.duplicates:
            now = _settled(now, step)
        else:  # time passes: what goes on dies, and what has just ended is over
            ended = tuple(
                pipeline(p.id, p.status if p.status in ("failed", "success") else "failed") for p in now.pipelines
            )
            now = replace(now, pipelines=ended)
        of_other = step.order is not self.order
        others = tuple(now if one is step.order else one for one in self.order.others)
        self.order = replace(self.order, others=others, issued=now.issued) if of_other else now


def _settled(order: LicenseOrder, step: NextStep) -> LicenseOrder:
    """As `cases.tracker.SettledIssue` leaves it: a duplicate loses the operation's id."""
    kept = [one for one in order.issues if one not in step.duplicates]
    if step.do is NextAction.ADOPT or step.issue is None:
        return replace(order, issues=tuple(kept))
    title = titles.write(Mark.SUCCESS if step.sent else Mark.FAILURE, EMAIL, 250)
    reported = replace(step.issue, title=title, state="closed" if step.sent else step.issue.state)
    issues = tuple(reported if one.iid == reported.iid else one for one in kept)
    return replace(order, issues=issues, issued=reported if step.sent else None)


def truths(states: tuple[str, ...], kinds: tuple[str, ...]) -> tuple[bool, ...]:
    """What the mailbox may have, by what jobs leave in which order."""
    if "done" in kinds:
        return (True,)
    reported = len(kinds) >= len(states) and all(kind in ("failed", "before the mail") for kind in kinds)
    unclear = any(kind in MAY_HAVE_MAILED for kind in kinds) or ("success" in states and not (reported and kinds))
    return (True, False) if unclear else (False,)


def combinations() -> Iterator[tuple[tuple[str, ...], tuple[str, ...], bool, bool | None, bool]]:
    """Pipelines by state, issues by state, whether the journal knows, a person's answer, and the truth."""
    few_states = [group for count in range(3) for group in multisets(STATES, count)]
    few_issues = [group for count in range(3) for group in multisets(ISSUES, count)]
    for states, kinds, known in product(few_states, few_issues, (False, True)):
        lost = known and not states and not kinds
        for came in (True, False) if lost else truths(states, kinds):
            for answer in (None, came):
                yield states, kinds, known, answer, came


ALL = list(combinations())


def made(
    states: tuple[str, ...], kinds: tuple[str, ...], known: bool = False, answer: bool | None = None
) -> LicenseOrder:
    """The order with these traces."""
    issues = tuple(issue(number, kind) for number, kind in enumerate(kinds, start=1))
    issued = next((one for one in issues if orders.users_issued(one, EMAIL)), None)
    pipelines = tuple(pipeline(number, state) for number, state in enumerate(states, start=1))
    return LicenseOrder("live-1001-license-1", "live-1001-mail-1", QUIET, issued, pipelines, issues, known, answer)


def test_there_are_many_combinations() -> None:
    """None, one and two or more of everything."""
    assert len(ALL) > 1500


def test_every_combination_ends_and_sends_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a person's answer at the most; with a mail there is no second job, without one another may follow."""
    for module, name in ((messages, "find_license"), (titles, "read")):  # of a few texts, thousands of times
        monkeypatch.setattr(module, name, cache(getattr(module, name)))
    wrong = []
    for states, kinds, known, answer, came in ALL:
        world = World(made(states, kinds, known, answer), came)
        end = world.follow()
        nothing = not (states or kinds or known or answer is not None)
        right = end is (NextAction.ADOPT if came or world.performed else NextAction.GIVE_UP)
        left = [one for one in world.order.left if not (world.order.issued and orders.changed_by_hand(one))]
        if not right or world.questions > (answer is None) or world.performed != nothing or left:
            wrong.append((states, kinds, known, answer, came, world.steps))
    assert [] == wrong, wrong[:5]


@pytest.mark.parametrize("states", [(), ("running",), ("failed",), ("success",)])
@pytest.mark.parametrize("kind", ["before the mail", "about to mail", "opened again", "success retitled"])
@pytest.mark.parametrize("came", [True, False])
def test_an_order_of_others_is_in_the_way(states: tuple[str, ...], kind: str, came: bool) -> None:
    """The job itself would refuse: it waits for it, settles it or asks about it first, and then one job is enough."""
    if kind == "before the mail" and came:
        return
    other = replace(made(states, (kind,)), operation_id="by-hand-1", question="live-1001-mail-issue-1")
    world = World(replace(made((), ()), others=(other,)), came)
    assert NextAction.PERFORM is not orders.decide(world.order).do
    assert NextAction.ADOPT is world.follow()
    assert (0 if came else 1) == world.performed
    assert world.questions <= 1


@pytest.mark.parametrize(
    ("order", "do"),
    [
        (made((), ()), NextAction.PERFORM),
        (made((), (), known=True), NextAction.WAIT),
        (made(("waiting_for_resource",), ()), NextAction.WAIT),
        (made(("manual",), ("before the mail",)), NextAction.WAIT),
        (made(("running",), ("done",)), NextAction.ADOPT),
        (made(("failed",), ()), NextAction.GIVE_UP),
        (made(("success",), ()), NextAction.ASK),
        (made(("failed",), ("failed",)), NextAction.GIVE_UP),
        (made(("running", "failed"), ("failed",)), NextAction.WAIT),
        (made(("failed",), ("before the mail", "before the mail")), NextAction.RETITLE),
        (made(("failed",), ("before the mail", "about to mail")), NextAction.ASK),
        (made(("running",), (), answer=False), NextAction.WAIT),
        (made((), (), answer=True), NextAction.ADOPT),
    ],
)
def test_what_comes_next(order: LicenseOrder, do: NextAction) -> None:
    """The combinations that are met most."""
    assert do is orders.decide(order).do


def test_the_issue_with_the_copy_tells_the_success() -> None:
    """Whatever its number; the others are closed as duplicates."""
    step = orders.decide(made(("failed",), ("before the mail", "about to mail"), answer=True))
    assert (2, True, [1]) == (step.issue and step.issue.iid, step.sent, [one.iid for one in step.duplicates])


@pytest.mark.parametrize("by_hand", ["retitled by hand", "success retitled", "opened again"])
def test_a_success_leaves_what_a_person_changed(by_hand: str) -> None:
    """It may be of a second license: only a person can say that it is a duplicate, of which no mail was sent."""
    order = made(("success", "failed"), ("done", by_hand, "before the mail"))
    step = orders.decide(order)
    assert (NextAction.ADOPT, 1, [3]) == (step.do, step.issue and step.issue.iid, [i.iid for i in step.duplicates])


def test_an_old_issue_is_not_waited_for() -> None:
    """Where no pipeline is seen, after the longest time that a job may take."""
    old = issue(1, "about to mail", ago=timedelta(days=1))
    assert NextAction.ASK is orders.decide(replace(made((), ()), issues=(old,))).do
    assert orders.decide(made((), ("about to mail",))).then_ask


@pytest.mark.parametrize(
    ("title", "state", "body", "reported"),
    [
        (f"Created a license under {EMAIL} for 5 users", "closed", COPY, True),
        (f"[Success] - Created a license under {EMAIL} for 5 users (done)", "closed", COPY, True),
        (f"[Success] - Created a license under {EMAIL} for 5 users (done)", "closed", "no copy", True),
        (f"[Success] - Created a license under [{EMAIL}] for [5] users (done)", "closed", COPY, True),
        (f"[In progress] sent to ({EMAIL})", "closed", COPY, True),
        (f"[Failure] - bounced: {EMAIL}.", "opened", COPY, True),
        (f"[Duplicate] {EMAIL}", "closed", COPY, True),
        (titles.write(Mark.SUCCESS, EMAIL, 5), "opened", COPY, True),
        (f"Created a license under {EMAIL} for 5 users", "closed", "no copy", False),
        (f"[Success] - Created a license under x{EMAIL} for 5 users (done)", "closed", COPY, False),
        (titles.write(Mark.FAILURE, EMAIL, 5), "opened", COPY, False),
        (titles.write(Mark.DUPLICATE, EMAIL, 5), "closed", COPY, False),
    ],
)
def test_an_issue_that_was_changed_by_hand(title: str, state: str, body: str, reported: bool) -> None:
    """For the address of another ticket: a person has to answer, and no job is started beside it."""
    found = replace(issue(1, "done"), title=title, state=state, raw=body)
    assert reported == orders.is_under_way(found, EMAIL, "https://team.zendesk.com/agent/tickets/2002")
    other = replace(made((), ()), operation_id="other-1001-license-1", issues=(found,))
    if reported:
        assert NextAction.ASK is orders.decide(replace(made((), ()), others=(other,))).do


def test_the_question_names_all_that_was_seen() -> None:
    """Every pipeline, every issue, and what to find out."""
    order = made(("failed", "canceled"), ("about to mail", "retitled by hand", "opened again"))
    assert orders.question_words(order) == (
        "Mechanizer's pipeline https://gitlab.example/p/1 (failed) and https://gitlab.example/p/2 (canceled) ended, "
        "but issue https://gitlab.example/i/1 still says “in progress” and issue https://gitlab.example/i/2 is closed "
        "and titled “Done!”, which is not what Mechanizer writes and issue https://gitlab.example/i/3 reports a "
        "success, and was opened again. Ask the customer whether the mail with the license came."
    )


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("failed",), NextAction.GIVE_UP),
        (("success",), NextAction.ASK),
        (("failed", "success"), NextAction.ASK),
        (("failed", "failed"), NextAction.GIVE_UP),
    ],
)
def test_a_failure_that_a_person_made(states: tuple[str, ...], expected: NextAction) -> None:
    """It has a copy of a license: a person is asked if a job of the order had succeeded, else none was sent."""
    order = made(states, ("failed",) * len(states))
    text = messages.issue_description("live-1001-license-1", "grace", TICKET, COPY)
    by_hand = replace(order.issues[0], description=text, raw=text)
    assert expected is orders.decide(replace(order, issues=(by_hand, *order.issues[1:]))).do
