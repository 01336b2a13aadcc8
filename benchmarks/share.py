"""The team's share with 100,000 objects, compared with its mirror: how long, and in how much memory.

Each side is a process of its own, so that its peak memory is the operating system's figure. The bucket is a small S3 on
loopback that only lists: more is not asked of it while nothing differs. `aws s3 sync --dryrun` compares sizes and
times; where no `aws` is at hand, a loop over boto3's pages does the same. Only our side hashes the mirror's contents.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from benchmarks.rows import LIMIT_S, CannotMeasureError, Row

MANY, FEW = 25_000, 2_500
"""Tickets, with four objects each."""
RECORDS = 3
CONTENT = b"{}" * 500
LINES = b"{}\n" * 10
KEY = "0123456789abcdef"
SEGMENT = f"journal/{KEY}/00000001-00000010.jsonl"
NAMES = [f"20261128T01020300{number}Z-weekend_license-01234567.ipynb" for number in range(RECORDS)]
PAGE = 1000
GROWTH = 1.2
LAUNCHER = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""
"""Between us and a command: on Linux a process's peak memory counts what its parent had, and this one has little."""
OURS = """
from runbook_lib.cli.share_commands import differences
found = [each for each in differences() if each.code != "unknown_writer"]
assert not found, found[0]
"""
THEIRS = """
import os, sys, boto3
bucket, prefix, folder, endpoint = sys.argv[1:]
pages = boto3.client("s3", endpoint_url=endpoint).get_paginator("list_objects_v2")
for page in pages.paginate(Bucket=bucket, Prefix=prefix):
    for each in page["Contents"]:
        assert os.stat(folder + each["Key"].removeprefix(prefix)).st_size == each["Size"], each["Key"]
"""


def comparing(folder: Path) -> Iterator[Row]:
    """`runbook records verify --share` on 100,000 objects in a folder and in a bucket, beside diff and aws s3 sync."""
    few, many = _made(folder / "few", FEW), _made(folder / "many", MANY)
    size = f"{MANY * (RECORDS + 1):,} objects"
    tenth, ours = _measured(*_ours(few)), _measured(*_ours(many))
    hidden = ["-x", "journal", "-x", "journal.*", "-x", ".*"]
    diff = _measured(["diff", "-rq", *hidden, str(many.share / "sandbox"), str(many.outputs / "sandbox")], {})
    beside = f"diff -rq of its records {diff.seconds:.1f} s"
    yield Row(f"{size} in a folder compared", f"{ours.seconds:.1f} s", beside, ours.seconds / diff.seconds)
    yield _memory(ours, tenth)
    with _listing(MANY) as endpoint, _listing(FEW) as of_few:
        tenth, ours = _measured(*_ours(few, of_few)), _measured(*_ours(many, endpoint))
        name, command = _sync(many.share, endpoint)
        theirs = _measured(command, _account(endpoint))
    beside = f"{name} {theirs.seconds:.1f} s, {theirs.peak_mb:.0f} MB"
    yield Row(f"{size} in a bucket compared", f"{ours.seconds:.1f} s", beside, ours.seconds / theirs.seconds, 1)
    yield _memory(ours, tenth)


@dataclass(frozen=True)
class Usage:
    """What a process took: seconds, and its peak memory in MB."""

    seconds: float
    peak_mb: float


@dataclass(frozen=True)
class World:
    """A share in a folder, and outputs that are its mirror."""

    share: Path
    outputs: Path


def _memory(ours: Usage, tenth: Usage) -> Row:
    beside = f"a tenth of them {tenth.peak_mb:.0f} MB"
    return Row("... peak memory", f"{ours.peak_mb:.0f} MB", beside, ours.peak_mb / tenth.peak_mb, GROWTH)


def _measured(command: Sequence[str], environment: Mapping[str, str]) -> Usage:
    """Run a command, which prints nothing where it finds no difference.

    Raises:
        CannotMeasureError: It failed, or it found a difference.
    """
    started = time.perf_counter()
    launch = [sys.executable, "-I", "-S", "-c", LAUNCHER, *command]
    done = subprocess.run(launch, env={**os.environ, **environment}, capture_output=True, timeout=LIMIT_S)  # noqa: S603
    *printed, peak_kb = (done.stderr + done.stdout).decode(errors="replace").splitlines()
    if done.returncode or printed:
        words = (printed or ["it printed nothing"])[-1][:200]
        raise CannotMeasureError(f"{Path(command[0]).name} ended with status {done.returncode}: {words}")
    return Usage(time.perf_counter() - started, int(peak_kb) / 1000)


def _ours(world: World, endpoint: str = "") -> tuple[list[str], dict[str, str]]:
    share = {"RUNBOOK_SHARE": "s3://team/audit" if endpoint else str(world.share), "RUNBOOK_PROFILE": "sandbox"}
    account = {"RUNBOOK_SHARE_ENDPOINT": endpoint, "RUNBOOK_SHARE_ACCOUNT": "AKIA", "RUNBOOK_SHARE_SECRET": "none"}
    region = {"RUNBOOK_SHARE_REGION": "us-east-1", "RUNBOOK_OUTPUTS": str(world.outputs)}
    return [sys.executable, "-c", OURS], {**share, **region, **(account if endpoint else {})}


def _sync(folder: Path, endpoint: str) -> tuple[str, list[str]]:
    if aws := shutil.which("aws"):
        return "aws s3 sync", [
            aws,
            "s3",
            "sync",
            "--dryrun",
            "--endpoint-url",
            endpoint,
            "s3://team/audit",
            str(folder),
        ]
    return "boto3's listing", [sys.executable, "-c", THEIRS, "team", "audit/", f"{folder}/", endpoint]


def _account(endpoint: str) -> dict[str, str]:
    names = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}
    return {**names, "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": endpoint}


def _made(folder: Path, tickets: int) -> World:
    """A share and its mirror, alike; each side's records are links to one file."""
    world = World(folder / "share", folder / "outputs")
    for number in range(1, tickets + 1):
        there, here = world.share / "sandbox" / str(number), world.outputs / "sandbox" / str(number)
        (there / SEGMENT).parent.mkdir(parents=True)
        here.mkdir(parents=True)
        for place in (there, here):
            for name in NAMES:
                _record(folder / f"record-{place is here}", place / name)
        (there / SEGMENT).write_bytes(LINES)
        (here / f"journal.{KEY}.jsonl").write_bytes(LINES)
    return world


def _record(original: Path, path: Path) -> None:
    if not original.exists():
        original.write_bytes(CONTENT)
    try:
        os.link(original, path)
    except OSError:  # a file has only so many links
        original.unlink()
        original.write_bytes(CONTENT)
        os.link(original, path)


@contextmanager
def _listing(tickets: int) -> Iterator[str]:
    """An S3 on loopback that lists what `_made` makes; yields its address."""
    names = [(f"audit/sandbox/{number}/{name}", CONTENT) for number in range(1, tickets + 1) for name in NAMES]
    names += [(f"audit/sandbox/{number}/{SEGMENT}", LINES) for number in range(1, tickets + 1)]
    handler = type("Handler", (_Handler,), {"names": sorted(names)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Answers ListObjectsV2."""

    protocol_version = "HTTP/1.1"
    names: ClassVar[list[tuple[str, bytes]]] = []

    def do_GET(self) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        prefix = asked.get("prefix", "")
        first = int(asked.get("continuation-token", bisect_left(self.names, (prefix, b""))))
        page = [pair for pair in self.names[first : first + PAGE] if pair[0].startswith(prefix)]
        more = f"<NextContinuationToken>{first + PAGE}</NextContinuationToken>" if len(page) == PAGE else ""
        words = "".join(_contents(name, content) for name, content in page)
        truncated = f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}"
        body = (
            f"<ListBucketResult><Name>team</Name><KeyCount>{len(page)}</KeyCount>{truncated}{words}</ListBucketResult>"
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged."""


def _contents(name: str, content: bytes) -> str:
    """An object in a listing. It is newer than any file, which to `aws s3 sync` is the same time."""
    tag = md5(content, usedforsecurity=False).hexdigest()
    about = f"<LastModified>2100-01-01T00:00:00.000Z</LastModified><ETag>&quot;{tag}&quot;</ETag>"
    return (
        f"<Contents><Key>{name}</Key>{about}<Size>{len(content)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )
