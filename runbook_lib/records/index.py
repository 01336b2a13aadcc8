"""The index of the list of runs: what was read of each ticket, for as long as its files are the same.

It is a file in the platform's cache folder, for its user alone, and makes the list fast, no more: whoever verifies
reads the files. One that is missing, broken or of other contents than expected is ignored, and made anew with the next
list; of two lists at the same time the last one's stays. A ticket is taken from it only if all that its runs follow
from is the same: path, size, inode and both times of the journal's parts, of public keys and of heads, the names of the
notebooks, the key ring, and the code that reads them.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from runbook_lib import files
from runbook_lib.domain.errors import InputError
from runbook_lib.records.union import paths_in

FORMAT = 1
SETTLED_S = 2.0
"""A file that was changed more recently than that may be changed again without its times telling."""
_CODE = ("domain/events", "ledger/chains", "ledger/heads", "records/archive", "records/runs", "records/union")


class Index:
    def __init__(self, folder: Path, keys: Path, team: Path | None = None) -> None:
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        self.path = user_cache_path("license-runbook") / f"records-{name}.json"
        ring = sorted(path for path in keys.glob("*") if path.is_file())
        trusted = [f"{path} {_time(path.stat())}" for path in (*ring, team) if path and path.exists()]
        self._base = f"{FORMAT} {folder} {_code()} {trusted}"

    def stamp(self, folder: Path, heads: Iterable[Path]) -> str:
        """All that a ticket's runs follow from, in short; "" if that was changed just now."""
        young = time.time() - SETTLED_S
        try:
            names = sorted(paths_in(folder))
            parts = [folder / name for name in names if name.startswith("journal")]
            states = [os.lstat(path) for path in (folder, *parts, *heads)]
        except (OSError, InputError):
            return ""
        if any(state.st_ctime > young for state in states):
            return ""
        everything = "\n".join([self._base, *names, *map(_time, states)])
        return hashlib.sha256(everything.encode(errors="surrogateescape")).hexdigest()

    def read(self) -> dict[int, tuple[str, Any]]:
        """Each ticket's stamp, and what was found then; nothing if the index cannot be used."""
        with suppress(OSError, ValueError, TypeError, AttributeError, RecursionError):
            return {int(ticket): (stamp, found) for ticket, (stamp, found) in json.loads(files.read(self.path)).items()}
        return {}

    def write(self, found: Mapping[int, tuple[str, Any]]) -> None:
        """Keep what was found of each ticket, by number, and nothing else."""
        with suppress(OSError):  # no place for it: the next list tries again
            files.make_folder(self.path.parent)
            files.write(self.path, json.dumps(found, separators=(",", ":")).encode())


def _time(found: os.stat_result) -> str:
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_mode}"


def _code() -> str:
    """The modules that find the runs: what an older version found is not what this one would."""
    library = Path(__file__).parents[1]
    return " ".join(_time((library / f"{name}.py").stat()) for name in _CODE)
