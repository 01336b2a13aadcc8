"""A practice world that really runs, seen from a test: commands run in it, and what is in it now."""

from __future__ import annotations

import atexit
import http.client
import json
import os
import secrets
import shutil
import sqlite3
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any

import nbformat

from runbook_lib.domain.messages import Seal, find_seal
from runbook_lib.sandbox import server
from runbook_lib.sandbox.seeding import make_world
from runbook_lib.sandbox.world import REAL_CLOCK

WORLD_DATE = date(2026, 11, 22)
"""A Sunday; the practice tickets are of Saturday, 2026-11-21."""


@dataclass(frozen=True)
class Ran:
    """What a `runbook` command came to."""

    status: int
    stdout: str
    stderr: str

    @property
    def report(self) -> dict[str, Any]:
        """What `--json` printed."""
        return dict(json.loads(self.stdout))

    @property
    def record(self) -> Any:
        """The executed notebook that the report names."""
        return nbformat.read(self.report["record"], as_version=4)


@dataclass(frozen=True)
class World:
    """A running practice world, and what is in it now."""

    outputs: Path

    @property
    def folder(self) -> Path:
        """Where the world lives."""
        return self.outputs / "sandbox" / ".world"

    @property
    def descriptor(self) -> dict[str, Any]:
        """How to reach it."""
        return dict(json.loads((self.folder / "running.json").read_text(encoding="utf-8")))

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that works in this world."""
        others = ("RUNBOOK_", "LICENSE_", "COLUMNS")  # pytest-xdist's workers have a terminal's width, without one
        kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        return {**kept, "RUNBOOK_OUTPUTS": str(self.outputs)}

    def runbook(self, *words: object, module: str = "runbook_lib.cli", **environment: str) -> Ran:
        """Run the command line as its user would."""
        done = subprocess.run(
            [sys.executable, "-m", module, *map(str, words)],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the world's database, read from beside the server."""
        connection = sqlite3.connect(f"file:{self.folder / 'world.sqlite'}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(sql, values)]
        finally:
            connection.close()

    def change(self, sql: str, *values: Any) -> None:
        """Change the world behind everybody's back."""
        connection = sqlite3.connect(self.folder / "world.sqlite")
        try:
            with connection:
                connection.execute(sql, values)
        finally:
            connection.close()

    def forget(self, ticket_id: int) -> None:
        """From now on this is another machine: it knows nothing of the ticket, and has keys of its own."""
        shutil.rmtree(self.outputs / "sandbox" / str(ticket_id))
        shutil.rmtree(self.outputs / "sandbox" / ".keys")

    def seen_from(self, outputs: Path) -> World:
        """The same world, as another machine sees it that keeps its records in `outputs`."""
        (outputs / "sandbox").mkdir(parents=True)
        (outputs / "sandbox" / ".world").symlink_to(self.folder)
        return World(outputs)

    def contents(self) -> dict[str, list[dict[str, Any]]]:
        """Everything that the world holds, but for the seals, which each performing run adds, and their traces."""
        names = [row["name"] for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: self.rows(f"SELECT * FROM {name}") for name in names if name != "sqlite_sequence"}
        seals = {row["audit_id"] for row in found["comments"] if find_seal(row["body"])}
        found["comments"] = [row for row in found["comments"] if row["audit_id"] not in seals]
        found["audits"] = [row for row in found["audits"] if row["id"] not in seals]
        found["tickets"] = [{**row, "updated_at": None} for row in found["tickets"]]
        return found

    def content(self) -> bytes:
        """The world's database, byte for byte."""
        return (self.folder / "world.sqlite").read_bytes()

    def inject(self, service: str, kind: str, **fields: Any) -> dict[str, Any]:
        """Let something go wrong; returns the fault as the server keeps it."""
        return dict(json.loads(self._faults("POST", "", json.dumps({"service": service, "kind": kind, **fields}))))

    def clear_faults(self) -> None:
        """Let everything work again."""
        self._faults("POST", "/clear")

    def injected(self) -> dict[str, dict[str, int]]:
        """How often each service was hit by each kind of fault since the server started."""
        return dict(json.loads(self._faults("GET", "/hits")))

    def _faults(self, method: str, path: str = "", body: str | None = None) -> bytes:
        """The answer of the call for faults."""
        connection = http.client.HTTPConnection(self.descriptor["url"].removeprefix("http://"), timeout=10)
        try:
            connection.request(method, f"/sandbox/faults{path}", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        assert answer.status < 300, content.decode()
        return content

    def wait_for_pipelines(self) -> None:
        """Wait until no job runs: a license is seen a moment before its pipeline has ended."""
        deadline = time.monotonic() + 60
        while self.rows("SELECT 1 FROM pipelines WHERE status IN ('created', 'pending', 'running')"):
            assert time.monotonic() < deadline, "a pipeline does not end"
            time.sleep(0.02)

    def mails(self, address: str) -> list[EmailMessage]:
        """The mails that an address got."""
        rows = self.rows("SELECT envelope_to, raw FROM mails")
        raw = [row["raw"] for row in rows if address in json.loads(row["envelope_to"])]
        return [message_from_bytes(content, policy=policy.default) for content in raw]

    def comments(self, ticket_id: int) -> list[dict[str, Any]]:
        """The comments of a ticket that were sent through the API, oldest first, but for the seals."""
        return [comment for comment in self._sent(ticket_id) if find_seal(comment["body"]) is None]

    def seals(self, ticket_id: int) -> list[Seal]:
        """What the ticket keeps of its records, oldest first."""
        found = [find_seal(comment["body"]) for comment in self._sent(ticket_id) if not comment["public"]]
        return [seal for seal in found if seal]

    def _sent(self, ticket_id: int) -> list[dict[str, Any]]:
        return self.rows(
            "SELECT c.* FROM comments c JOIN audits a ON a.id = c.audit_id "
            "WHERE c.ticket_id = ? AND a.channel = 'api' ORDER BY c.id",
            ticket_id,
        )

    def posts(self, ticket_id: int) -> list[str]:
        """The Slack messages that mention a ticket."""
        return [row["text"] for row in self.rows("SELECT text FROM messages") if f"/{ticket_id}>" in row["text"]]

    def issues(self, ticket_id: int) -> list[dict[str, Any]]:
        """The tracker issues of a ticket."""
        return [i for i in self.rows("SELECT * FROM issues") if f"tickets/{ticket_id}\n" in i["description"]]


def start(outputs: Path, *, real_clock: bool = False) -> Iterator[World]:
    """A fresh practice world, served from a process of its own.

    Args:
        outputs: Where records go; the world lives in it.
        real_clock: Whether its clock skips nothing, so that updates of a ticket can share their second.
    """
    world = World(outputs)
    copy_world(world.folder)
    if real_clock:
        world.change("INSERT INTO settings (name, value) VALUES (?, 'yes')", REAL_CLOCK)
    with server.shared(world.folder):
        yield world


def go_on(outputs: Path) -> Iterator[World]:
    """A practice world as another left it, served again."""
    world = World(outputs)
    with server.shared(world.folder):
        yield world


def copy_world(folder: Path) -> None:
    """A world as `make_world` makes one, with a name and tokens of its own; only its signing key is another's too."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(_pristine(), folder)
    connection = sqlite3.connect(folder / "world.sqlite")
    with closing(connection), connection:
        tokens = connection.execute("SELECT name, value FROM settings WHERE name = 'world' OR name LIKE '%token'")
        for name, value in tokens.fetchall():
            fresh = "".join(secrets.choice(string.hexdigits[:16]) if c.isalnum() else c for c in value[8:])
            connection.execute("UPDATE settings SET value = ? WHERE name = ?", (value[:8] + fresh, name))


@cache
def _pristine() -> Path:
    """A world of this process that no test changes."""
    folder = Path(tempfile.mkdtemp(prefix="pristine-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make_world(folder / "world", WORLD_DATE)
    return folder / "world"
