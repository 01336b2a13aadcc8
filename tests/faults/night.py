"""A night on call, as a state machine: services break, runs are killed, two machines take turns, people press again.

After each step nothing is there twice; and once the faults stop, one more run reaches the outcome, with everything
there once. Where a job died with the mail on its way only the customer knows; then a person looks into the mailbox
and says so by `runbook answer`, as the message asks.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.faults.driver import Ended, perform
from tests.practice import World

GIF = b"GIF89a\x01\x00\x01\x00"
LONGEST_DELAY_S = 1.0
ENVIRONMENT = {"RUNBOOK_SETTLE_S": "1.2", "RUNBOOK_WAIT_S": "8"}


@dataclass(frozen=True)
class Night:
    """A ticket, how it is run, and how it must end.

    Attributes:
        ticket_id: The practice ticket.
        runbook: Its runbook.
        outcome: What the case must come to.
        requester: Whose mailbox is looked into.
        mails: How many mails they must have at the end.
        comments: What must have been sent to the ticket, by the operation's name without its digest.
        posts: The same for Slack.
        events: How many journal lines and requests an undisturbed run has at which it may be killed.
        screenshots: Whether the engineer adds an image.
    """

    ticket_id: int
    runbook: str
    outcome: str
    mails: int
    comments: tuple[str, ...]
    posts: tuple[str, ...]
    events: int
    screenshots: bool = False


NIGHTS = (
    Night(1001, "weekend_license", "license_issued", 1, ("note", "reply", "screenshots"), ("slack_post",), 38, True),
    Night(1002, "weekend_license", "waiting_for_customer", 0, ("screenshots_request",), (), 12),
    Night(2001, "weekday_triage", "escalated", 0, ("expert_note",), ("expert_post",), 18),
    Night(3001, "license_not_received", "license_found", 0, ("license_copy", "license_copy_note"), (), 20),
)


@dataclass
class Tally:
    """What all schedules together came to."""

    schedules: int = 0
    draws: int = 0
    runs: int = 0
    kills: int = 0
    duplicates: int = 0
    losses: int = 0
    answers: int = 0
    by_ticket: Counter[int] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)


CHANCE_OF_A_KILL = 0.5

PATHS = {
    "zendesk": (None, "/tickets/", "/uploads", "/audits"),
    "gitlab": (None, "/trigger/pipeline", "/issues", "/pipelines"),
    "slack": (None, "chat.postMessage", "conversations.history"),
}


def fault(rng: Random) -> dict[str, Any]:
    """Any fault of any service that a run talks to."""
    service = rng.choice(["zendesk", "zendesk", "gitlab", "gitlab", "slack", "slack", "mail", "pipelines"])
    if service == "mail":
        return {"service": service, **rng.choice(_mail_faults(rng))}
    if service == "pipelines":
        kill = {"kind": "kill", "seconds": rng.choice([0, 0.3, 0.6, 0.9, 1.2])}
        return {"service": service, **rng.choice([kill] * 5 + [{"kind": "stall"}])}
    refused = _refusals(rng, service)
    where = {"path": rng.choice(PATHS[service]), "method": rng.choice([None, "GET", "POST", "PUT"])}
    often = {"skip": rng.choice([0, 0, 1, 2, 3]), "times": rng.choice([1, 1, 2, 5])}
    return {"service": service, **where, **often, **rng.choice(refused + _web_faults(rng))}


def _web_faults(rng: Random) -> list[dict[str, Any]]:
    commits = rng.random() < 0.6
    return [
        {"kind": "delay", "seconds": rng.choice([0.2, LONGEST_DELAY_S])},
        {"kind": "limit", "retry_after": rng.choice([None, 0, 1])},
        {"kind": "error", "status": rng.choice([500, 502, 503]), "commits": commits},
        {"kind": "reset", "commits": commits},
        {"kind": "wrong_type", "commits": commits},
        {"kind": "truncate"},
        {"kind": "redirect", "status": rng.choice([301, 302, 307, 308])},
    ]


def _refusals(rng: Random, service: str) -> list[dict[str, Any]]:
    """A service's own way to say no, after which nothing has happened."""
    if service == "slack":
        return [{"kind": "refuse", "error": rng.choice(["internal_error", "rate_limited", "is_archived"])}]
    return [{"kind": "refuse", "status": rng.choice([403, 404, 422])}]


def _mail_faults(rng: Random) -> list[dict[str, Any]]:
    commits = rng.random() < 0.6
    return [
        {"kind": "reset", "commits": commits},
        {"kind": "hang", "seconds": 0.5, "commits": commits},
        {"kind": "refuse"},
    ]


class NightOnCall(RuleBasedStateMachine):
    """One schedule. `world`, `pristine` and `tally` are set for the whole series."""

    world: ClassVar[World]
    pristine: ClassVar[Path]
    tally: ClassVar[Tally]

    night: Night

    def chance(self, drawn: int) -> Random:
        """Chance for one step. hypothesis likes to draw the same again; the count keeps schedules apart."""
        self.tally.draws += 1
        return Random(f"{drawn}/{self.tally.draws}")

    @initialize(drawn=st.integers(0, 2**64 - 1))
    def the_page_comes(self, drawn: int) -> None:
        rng = self.chance(drawn)
        self.night, self.delayed = rng.choice(NIGHTS), False
        restore(self.world, self.pristine)
        self.machines = [machine(self.world, name) for name in "ab"]
        self.tally.schedules += 1
        self.tally.by_ticket[self.night.ticket_id] += 1

    @rule(drawn=st.integers(0, 2**64 - 1))
    def somebody_runs_it(self, drawn: int) -> None:
        rng = self.chance(drawn)
        for _ in range(rng.randint(0, 3)):
            found = fault(rng)
            self.delayed |= found["kind"] == "delay"
            self.world.inject(**found)
        kill_at = rng.randint(1, self.night.events) if rng.random() < CHANCE_OF_A_KILL else None
        ended = self.run(rng.choice([0, 0, 0, 1]), kill_at=kill_at)
        self.tally.ends["killed" if ended.killed else ended.outcome or str(ended.error)] += 1

    @rule()
    def it_works_again(self) -> None:
        self.world.clear_faults()

    @invariant()
    def nothing_is_there_twice(self) -> None:
        if not hasattr(self, "night"):
            return
        twice = {what: number for what, number in there(self.world, self.night).items() if number > 1}
        self.tally.duplicates += len(twice)
        assert {} == twice

    def teardown(self) -> None:
        if not hasattr(self, "night"):
            return
        self.world.clear_faults()
        time.sleep(LONGEST_DELAY_S if self.delayed else 0)  # what was delayed happens now
        self.world.wait_for_pipelines()
        ended = self.run(0)
        while "runbook answer" in ended.words:
            self.somebody_looks(ended.words)
            ended = self.run(0)
        self.world.wait_for_pipelines()
        self.nothing_is_there_twice()
        wanted = {"mail": self.night.mails} if self.night.mails else {}
        wanted |= dict.fromkeys((*self.night.comments, *self.night.posts), 1)
        found = dict(there(self.world, self.night))
        self.tally.losses += (ended.outcome, found) != (self.night.outcome, wanted)
        assert (self.night.outcome, wanted) == (ended.outcome, found), ended

    def run(self, which: int, *, kill_at: int | None = None) -> Ended:
        """One run on one of the machines."""
        place = self.machines[which]
        parameters: dict[str, Any] = {"ticket_id": self.night.ticket_id}
        if self.night.screenshots:
            image = place.outputs / "dashboard.gif"
            image.write_bytes(GIF * 2000)
            parameters["screenshots"] = [str(image)]
        ended = perform(self.night.runbook, parameters, {**place.environment, **ENVIRONMENT}, kill_at=kill_at)
        self.tally.runs += 1
        self.tally.kills += ended.killed
        assert kill_at or not ended.killed, "it died by itself"
        return ended

    def somebody_looks(self, words: str) -> None:
        """A person does what the message says: looks, and answers."""
        self.tally.answers += 1
        found = re.search(r"`runbook answer (\d+) (\S+) yes`", words)
        assert found
        sent = "yes" if there(self.world, self.night)["mail" if "mail" in found[2] else found[2]] else "no"
        ran = self.machines[0].runbook("answer", found[1], found[2], sent)
        assert 0 == ran.status, ran.stderr


def machine(world: World, name: str) -> World:
    """The world as one machine sees it, which has forgotten everything."""
    outputs = world.outputs.parent / f"machine-{name}"
    shutil.rmtree(outputs, ignore_errors=True)
    return world.seen_from(outputs)


def restore(world: World, pristine: Path) -> None:
    """Make the running world as it was when it was made; what is under way is waited for."""
    world.clear_faults()
    world.wait_for_pipelines()
    connection = sqlite3.connect(world.folder / "world.sqlite", timeout=30)
    try:
        connection.execute("ATTACH ? AS pristine", (str(pristine),))
        names = "SELECT name FROM pristine.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        tables = [row[0] for row in connection.execute(names)]
        with connection:
            for table in tables:
                connection.execute(f"DELETE FROM {table}")
                connection.execute(f"INSERT INTO {table} SELECT * FROM pristine.{table}")
    finally:
        connection.close()


def there(world: World, night: Night) -> Counter[str]:
    """What this ticket's runs have left in the world, by name."""
    prefix = f"sandbox-{night.ticket_id}-"
    found: Counter[str] = Counter()
    sent = "SELECT a.custom FROM audits a JOIN comments c ON c.audit_id = a.id WHERE a.ticket_id = ?"
    for row in world.rows(sent, night.ticket_id):
        operation = json.loads(row["custom"]).get("operation_id", "").removeprefix(prefix)
        if operation and not operation.startswith("seal-"):
            found[_name(operation)] += 1
    for row in world.rows("SELECT extras FROM messages"):
        operation = json.loads(row["extras"]).get("metadata", {}).get("event_payload", {}).get("operation_id", "")
        if operation.startswith(prefix):
            found[_name(operation.removeprefix(prefix))] += 1
    address = world.rows(
        "SELECT email FROM users JOIN tickets ON requester_id = users.id WHERE tickets.id = ?", night.ticket_id
    )
    if mails := len(world.mails(address[0]["email"])):
        found["mail"] = mails
    return found


def _name(operation: str) -> str:
    """An operation's name without the digest of what it carries."""
    return re.sub(r"-[0-9a-f]{12}$", "", operation)
