"""Redaction of a long log: it passes each answer of a service, and whatever a run writes."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.rows import Row, alternate, processor_s
from runbook_lib.redaction import Redactor

MEGABYTES, PAIRS = 30, 1
GROWTH = 1.15
SECRETS = {"gitlab_token": "glpat-Zx81kQ-r7Wm2LtB0vYdc", "slack_token": "xoxb-481516234210-AbCdEfGhIjKlMnOpQrStUvWx"}
_PLAIN = re.compile("|".join(map(re.escape, SECRETS.values())))


def of_30_mb(folder: Path) -> Iterator[Row]:
    """A log of 30 MB is searched for secrets and licenses, beside one plain regular expression and a fifth of it."""
    text = _log(MEGABYTES * 1_000_000)
    part = text[: len(text) // 5]
    plain = alternate(partial(_redact, text), partial(_PLAIN.sub, "", text), PAIRS, processor_s)
    beside = f"one regular expression {plain.theirs_s:.2f} s"
    yield Row(f"redaction of {MEGABYTES} MB, processor seconds", f"{plain.ours_s:.1f} s", beside, plain.ratio)
    growth = alternate(partial(_redact, text), partial(_redact, part), PAIRS, processor_s)
    yield Row(
        "the same, its growth", f"{growth.ours_s:.1f} s", f"a fifth {growth.theirs_s:.1f} s", growth.ratio, 5 * GROWTH
    )


def _redact(text: str) -> str:
    return Redactor(SECRETS).text(text)  # a new one each time: it remembers what it has seen


def _log(size: int) -> str:
    """Lines as a GitLab instance writes them, with ids, digests and addresses."""
    lines: list[str] = []
    length = 0
    while length < size:
        digest = hashlib.sha256(str(len(lines)).encode()).hexdigest()
        number = int(digest[:32], 16)
        lines.append(
            f"2026-11-21T08:{number % 60:02d}:{number % 59:02d}.{number % 1000:03d}Z INFO [pid {number % 9999}] "
            f"correlation_id={uuid.UUID(int=number)} path=/api/v4/projects/{number % 999}?search=%40jane status=200 "
            f"sha={digest[:40]}\n"
        )
        length += len(lines[-1])
    return "".join(lines)
