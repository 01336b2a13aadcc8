"""What the project tells its users: the README and what it links."""

from __future__ import annotations

from runbook_lib.settings import ROOT

PATHS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def documented() -> str:
    """All of it, one document after the other."""
    return "\n".join(path.read_text(encoding="utf-8") for path in PATHS)
