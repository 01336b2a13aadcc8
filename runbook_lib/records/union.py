"""A ticket's folder as the union of what its writers left there: what of it is damaged, missing, or in no part's place.

A part that is *missing* was never copied here, or was removed; one that was *cut* is here and ends too early. Each
part names how far the others had come, so that both show wherever the folder is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from runbook_lib.domain.errors import InputError
from runbook_lib.domain.events import SUFFIX
from runbook_lib.ledger.chains import FILE_NAME, KEY_DIGITS, Chain, file_name, key_of
from runbook_lib.ledger.keyring import beside_name
from runbook_lib.records.findings import Code, Finding, journal_code
from runbook_lib.records.runs import key_part

CHECKPOINTS = ".ipynb_checkpoints"
"""Where JupyterLab keeps what it saved last."""
_COPY = "is a file that JupyterLab or macOS made beside another, and no record. Remove it if it is not needed."
Seen = dict[str, tuple[str, int, str, str]]
"""By writer: the start of the first line's SHA-256, the number of lines, the last one's SHA-256, and by which part."""


def paths_in(folder: Path) -> set[str]:
    """All that is in a folder and below it, by the paths from it, but for links. Raises InputError if unreadable."""
    found: list[str] = []
    folders = [str(folder)]
    for place in folders:  # `os.walk` calls itself for each level, and ends in a RecursionError after a thousand
        try:
            with os.scandir(place) as items:
                for item in items:
                    found.append(item.path)
                    if item.is_dir(follow_symlinks=False):
                        folders.append(item.path)
        except FileNotFoundError:
            continue
        except OSError as exc:
            raise InputError(f"The folder {place} cannot be read: {exc.strerror}.") from exc
    start = len(folders[0]) + 1
    return {path[start:] for path in found}


def notebooks(paths: Iterable[str]) -> set[str]:
    """The notebooks among some paths, also those whose names a disk has changed to upper case."""
    return {name for name in paths if name.lower().endswith(SUFFIX)}


def problems(folder: Path, chains: Sequence[Chain], paths: set[str]) -> list[Finding]:
    names = notebooks(paths)
    files = sorted(name for name in paths if name.lower().startswith("journal") and "/" not in name)
    found = [
        Finding(folder.name, chain.path.name, journal_code(chain.error.problem), str(chain.error), chain.error.line)
        for chain in chains
        if chain.error
    ]
    found += [_untrusted(folder, chain) for chain in chains if chain.digests and not (chain.error or chain.is_trusted)]
    seen = _believed(chains)
    found += _cut(folder, chains, seen)
    found += [_missing(folder, key, why) for key, why in _absent(files, chains, names, seen).items()]
    found += _odd_files(folder, files)
    copies = {name for name in names if _is_beside(name)}
    found += [Finding(folder.name, name, Code.CHECKPOINT, f"{name} {_COPY}") for name in sorted(copies)]
    if names - copies and not any(chain.digests or chain.error for chain in chains) and not found:
        words = f"The folder {folder} holds notebooks, but no journal. Bring the journal back from a backup."
        found.append(Finding(folder.name, FILE_NAME, Code.MISSING_JOURNAL, words))
    return found


def _is_beside(name: str) -> bool:
    """Whether a path is of what JupyterLab saved last, or of what macOS keeps of a file on a foreign disk."""
    return CHECKPOINTS in name.split("/") or name.rpartition("/")[2].startswith("._")


def unnamed(names: set[str], chains: Sequence[Chain]) -> Iterator[str]:
    """Those notebooks that no line names and that are of no part which is damaged or missing: that part is named."""
    lost = {chain.key[:KEY_DIGITS] for chain in chains if chain.is_damaged}
    here = _keys_within(chains)
    for name in names:
        part = key_part(name)
        is_anothers = bool(part) and part not in here and "/" not in name
        if not _is_beside(name) and not is_anothers and part not in lost:
            yield name


def _keys_within(chains: Iterable[Chain]) -> set[str]:
    return {chain.key[:KEY_DIGITS] for chain in chains if chain.digests}


def _untrusted(folder: Path, chain: Chain) -> Finding:
    words = (
        f"{chain.path.name} is whole; its writer {chain.key} is known by the key that lies beside it alone. If that "
        f"is a colleague's machine, run `runbook keys trust {folder / beside_name(chain.key)}`."
    )
    return Finding(folder.name, chain.path.name, Code.UNTRUSTED_WRITER, words)


def _seen(chains: Iterable[Chain]) -> Seen:
    found: dict[str, tuple[str, int, str, str]] = {}
    for chain in chains:
        for entry, _ in chain.summary:
            seen = entry.get("seen")
            for key, head in seen.items() if isinstance(seen, dict) else ():
                if not isinstance(head, dict):
                    continue
                first, lines, sha256 = (head.get(name) for name in ("first", "lines", "sha256"))
                if isinstance(lines, int) and lines > found.get(key, ("", 0))[1]:
                    found[key] = (str(first), lines, str(sha256), chain.path.name)
    return found


def _believed(chains: Sequence[Chain]) -> Seen:
    """As `_seen`, of every part; of a trusted part, and of one that a trusted writer has seen, no stranger's word."""
    whole = [chain for chain in chains if not chain.error]
    trusted = {chain.key for chain in whole if chain.is_trusted}
    strangers = _seen(chain for chain in whole if not chain.is_trusted)
    others = {key: head for key, head in strangers.items() if key not in trusted}
    return others | _seen(chain for chain in whole if chain.is_trusted)


def _cut(folder: Path, chains: Sequence[Chain], seen: Seen) -> Iterator[Finding]:
    for chain in chains:
        first, lines, sha256, by = seen.get(chain.key, ("", 0, "", ""))
        if not chain.digests or first != chain.first:
            continue
        place = f"{chain.path.name}", f"{by} has seen line {lines} of it"
        if len(chain.digests) < lines:
            words = f"{place[0]} ends after line {len(chain.digests)}, but {place[1]}. Bring it back from its machine."
            yield Finding(folder.name, chain.path.name, Code.TRUNCATED, words, len(chain.digests))
        elif chain.digests[lines - 1] != sha256:
            words = f"{place[0]} was changed: {place[1]}, which differs now. Bring it back from its machine."
            yield Finding(folder.name, chain.path.name, Code.BROKEN_CHAIN, words, lines)


def _absent(files: Sequence[str], chains: Sequence[Chain], names: set[str], seen: Seen) -> dict[str, str]:
    """The writers whose part is not here, each with what shows that there is one."""
    here = {chain.key: chain for chain in chains}
    found: dict[str, str] = {}
    for name in files:
        key = name.removeprefix("journal.").removesuffix(".pub")
        if name == beside_name(key) and key_of(file_name(key)) and key not in here:
            found[key] = f"its public key {name} is here"
    for key, (first, _, _, by) in seen.items():
        if key not in here or (here[key].digests and here[key].first != first):
            found[key] = f"{by} has seen it"
    set_aside = _set_aside(chains, seen)
    for key in set_aside:
        found.pop(key, None)
    known = {key[:KEY_DIGITS] for key in (*here, *found, *set_aside)} | _keys_within(chains)
    for name in sorted(names):
        part = key_part(name)
        if part and part not in known and "/" not in name:
            found.setdefault(part, f"the record {name} is of it")
    return found


def _set_aside(chains: Iterable[Chain], seen: Seen) -> set[str]:
    """The writers whose part was set aside by a restart: it is here, under another name.

    A stranger's word on a part that a trusted writer has seen does not count.
    """
    trusted = {chain.path.name for chain in chains if chain.is_trusted}
    kept = {key for key, (_, _, _, by) in seen.items() if by in trusted}
    found: set[str] = set()
    for chain in chains:
        parts = [entry.get("part") for entry, _ in chain.summary if entry["kind"] == "restarted"]
        keys = {key for part in parts if isinstance(part, str) and (key := key_of(part))}
        found |= keys if chain.is_trusted else keys - kept
    return found


def _missing(folder: Path, key: str, why: str) -> Finding:
    name = file_name(key) if len(key) != KEY_DIGITS else f"journal.{key}….jsonl"
    words = f"Writer {key}'s part of the journal, {name}, is not here, though {why}. Copy the ticket's folder from that"
    words += " machine, too."
    return Finding(folder.name, name, Code.MISSING_WRITER, words)


def _odd_files(folder: Path, files: Sequence[str]) -> Iterator[Finding]:
    """The files that look like a part of the journal and are none by their names."""
    for name in files:
        if ".jso" in name.lower() and not key_of(name) and not name.startswith("journal-until-"):
            words = f"{name} is no part of the journal by its name. A part is named {file_name('<key>')} in lower case."
            yield Finding(folder.name, name, Code.MISNAMED_JOURNAL, words)
