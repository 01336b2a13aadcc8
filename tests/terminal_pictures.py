"""`python -m tests.terminal_pictures`: pictures of a terminal: the bar and the table of a batch, and a run's profile.

A real batch on practice tickets, in a pseudo-terminal; what it writes is shown by the browser.
"""

from __future__ import annotations

import fcntl
import html
import io
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from runbook_lib.settings import ROOT
from tests.chromium import launched
from tests.practice import World, start

ROWS, COLUMNS = 50, 110
LIST = "tickets.csv"
TICKETS = """\
ticket,runbook,expires_on
1001,auto,
1003,auto,
1004,auto,
1005,weekend_license,
1006,weekend_license,31.2.2026
2003,weekday_triage,
1003,auto,
4711,auto,
"""
PAGE = """\
<style>
body {{ margin: 0; background: #1e1e2a }}
pre {{ margin: 0; padding: 16px; display: inline-block; background: #1e1e2a; color: #e4e4ec;
  font: 13px/1.35 "DejaVu Sans Mono", monospace }}
</style><pre>{}</pre>"""


def screen(written: str) -> str:
    """What a terminal shows of what was written to it: a carriage return goes back, a newline goes on."""
    lines = [""]
    for line in written.replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return "\n".join(lines).strip("\n")


@contextmanager
def _batch(world: World, folder: Path) -> Iterator[Iterator[str]]:
    """All that a batch has written to its terminal, after each piece of it."""
    (folder / LIST).write_text(TICKETS, encoding="utf-8")
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "runbook_lib.cli", "batch", LIST]
    environment = {**world.environment, "TERM": "xterm", "COLUMNS": str(COLUMNS)}
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, cwd=folder, env=environment):
        os.close(its)
        yield _pieces(ours)
    os.close(ours)


def _pieces(terminal: int) -> Iterator[str]:
    written = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux says so when the last process has closed the terminal
            return
        if not piece:
            return
        written += piece
        yield written.decode("utf-8", "ignore")


def batch_frames() -> tuple[str, str]:
    """A terminal in the middle of a batch, with the bar, and at its end, with the table."""
    half = TICKETS.count("\n") // 2
    middle = last = ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for world in start(folder / "outputs"):
            with _batch(world, folder) as pieces:
                for written in pieces:
                    last = screen(written)
                    if not middle and last.count("\n  ") >= half and "ticket/s" in last.splitlines()[-1]:
                        middle = last
    return middle, last


def main() -> int:
    """Take the pictures."""
    middle, end = batch_frames()
    profile = [sys.executable, "-m", "benchmarks.run_profile"]
    shown = {
        "batch_bar": f"$ runbook batch {LIST}\n{middle}",
        "batch_table": f"$ runbook batch {LIST}\n{end}",
        "run_profile": "$ python -m benchmarks.run_profile\n" + subprocess.check_output(profile, text=True, cwd=ROOT),
    }
    with launched() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        for name, text in shown.items():
            page.set_content(PAGE.format(html.escape(text.rstrip())))
            image = Image.open(io.BytesIO(page.locator("pre").screenshot()))
            image.convert("RGB").quantize(32).save(ROOT / "docs" / f"{name}.png", optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
