"""The world's one SQLite file, safe to use from several threads. It knows no vendor."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = sqlite3.Row
Value = str | int | bytes | None

_SCHEMA_PATH = Path(__file__).with_name("schema.sql")


def columns(row: Row, *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


class Store:
    """One connection and one lock. Reading leaves the file as it is, byte for byte.

    The journal is SQLite's default, a rollback journal: a write-ahead log would change files on reading.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file, an empty one if there is none. Raises sqlite3.DatabaseError if it is no database."""
        self._lock = threading.RLock()
        self._opened = secrets.token_hex(4)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # A practice world survives a killed server; surviving a power cut is not worth an fsync a write.
        try:
            self._connection.execute("PRAGMA synchronous = OFF")
        except sqlite3.DatabaseError:
            self._connection.close()
            raise

    def create_tables(self) -> None:
        with self._lock:
            self._connection.executescript(_SCHEMA_PATH.read_text(encoding="utf-8"))

    def rows(self, sql: str, *values: Value) -> list[Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Value) -> Row | None:
        """The first row that a query finds, or None."""
        with self._lock:
            found: Row | None = self._connection.execute(sql, values).fetchone()
        return found

    def write(self, sql: str, *values: Value) -> int:
        """Runs one statement that changes something; returns the id of the row it inserted, if it inserted one."""
        with self._lock:
            return self._connection.execute(sql, values).lastrowid or 0

    def insert(self, table: str, **values: Value) -> int:
        """Adds a row; returns its id, if the table has ids."""
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        return self.write(f"INSERT INTO {table} ({columns}) VALUES ({marks})", *values.values())  # noqa: S608 - names in this code

    def update(self, table: str, row_id: int, **values: Value) -> None:
        columns = ", ".join(f"{name} = ?" for name in values)
        self.write(f"UPDATE {table} SET {columns} WHERE id = ?", *values.values(), row_id)  # noqa: S608 - likewise

    def next_iid(self, table: str, project_id: int) -> int:
        """The number that a project's next issue or pipeline gets; call it within the change that inserts it."""
        sql = f"SELECT coalesce(max(iid), 0) + 1 AS iid FROM {table} WHERE project_id = ?"  # noqa: S608 - likewise
        return int(self.rows(sql, project_id)[0]["iid"])

    def version(self) -> str:
        """A text that differs after every change, and whenever the file is opened again; cheap to read.

        Source: SQLite counts this connection's own changes, and in `data_version` those of other connections.
        """
        with self._lock:
            others = self._connection.execute("PRAGMA data_version").fetchone()[0]
            return f"{self._opened}-{self._connection.total_changes}-{others}"

    @contextmanager
    def change(self) -> Iterator[None]:
        """Makes the writes inside it one transaction: all of them or none. Not to be nested."""
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    def close(self) -> None:
        with self._lock:
            self._connection.close()
