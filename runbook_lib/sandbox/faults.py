"""The faults that a practice service can have: what they are, and which requests they hit.

They live in the memory of the process that serves the world, never in its file, and are safe to use from several
threads. What a fault does to a request, a mail or a job: see `fault_middleware`, `mail` and `runner`.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError
from pydantic.dataclasses import dataclass

from runbook_lib.domain.errors import InputError

Fields = Mapping[str, Any]

LONGEST_S = 600
"""The longest delay of a fault, in seconds."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_WEB_KINDS: Mapping[str, Fields] = {
    "delay": {"seconds": 1},
    "limit": {"retry_after": None},
    "error": {"status": 502, "commits": False},
    "reset": {"commits": False},
    "truncate": {},
    "wrong_type": {"commits": False},
    "redirect": {"status": 301},
}
FLAGS: Mapping[str, Mapping[str, str]] = {
    "zendesk": {
        "private_comments": "every comment is kept as an internal note, without an error",
        "light_agent": "whose token it is may comment privately only, and is assigned nothing",
        "custom_role": "the same by a custom role",
        "suspended": "every requester is suspended",
        "undeliverable": "no mail goes to any requester",
        "drop_files": "comments are kept without their files",
        "sign_in": "attachments show a sign-in page",
    },
    "slack": {
        "private_channel": "channels are private, and need groups:history",
        "elsewhere": "posts end in another channel",
    },
}
"""What is different in a service while such a fault is active, by its kind."""
_MAIL_KINDS: Mapping[str, Fields] = {
    "refuse": {"status": 451, "error": "Requested action aborted: error in processing"},
    "hang": {"seconds": 1, "commits": False},
    "reset": {"commits": False},
}
WIRE_KINDS = (*_WEB_KINDS, "refuse")
"""Kinds that hit a request on its way; the others change what a service does with it."""


KINDS: Mapping[str, Mapping[str, Fields]] = {
    "zendesk": {
        **_WEB_KINDS,
        "refuse": {"status": 422, "error": "Record is invalid"},
        **{kind: {} for kind in FLAGS["zendesk"]},
    },
    "gitlab": {**_WEB_KINDS, "refuse": {"status": 404, "error": "Not Found"}},
    "slack": {**_WEB_KINDS, "refuse": {"error": "internal_error"}, **{kind: {} for kind in FLAGS["slack"]}},
    "customersdot": _WEB_KINDS,
    "mail": _MAIL_KINDS,
    "pipelines": {"stall": {}, "hold": {"state": "manual"}, "kill": {"seconds": 0}},
}
"""Each service's kinds of fault; each kind's own fields, with their defaults."""

_WEB_SERVICES = ("zendesk", "gitlab", "slack", "customersdot")
"""HTTP services: their faults can be limited to some requests."""

PRESETS: Mapping[str, tuple[Fields, ...]] = {
    "Slack is down": ({"service": "slack", "kind": "error", "status": 503, "times": None},),
    "Answers are lost": (
        {"service": "zendesk", "kind": "reset", "method": "PUT", "commits": True},
        {"service": "gitlab", "kind": "reset", "method": "POST", "path": "/trigger/pipeline", "commits": True},
        {"service": "slack", "kind": "reset", "path": "chat.postMessage", "commits": True},
    ),
    "Comments stay private": ({"service": "zendesk", "kind": "private_comments", "times": None},),
    "GitLab limits requests": ({"service": "gitlab", "kind": "limit", "retry_after": 5, "times": 3},),
    "License job is killed": ({"service": "pipelines", "kind": "kill"},),
    "Mail is refused": ({"service": "mail", "kind": "refuse"},),
}
"""What often goes wrong together, by its name."""

_HOLDING = ("stall", "hold")
"""Kinds that hold what they have hit, and stay until they are cleared."""


@dataclass(frozen=True, config=ConfigDict(strict=True))
class Fault:
    id: int  # counted from 1; the process gives out none twice
    service: str  # a key of `KINDS`
    kind: str
    path: str | None = None  # only requests whose path contains this; None for all
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] | None = None  # only requests with this; None for all
    times: PositiveInt | None = 1  # how many requests, mails or jobs it hits; None for all, until it is cleared
    skip: NonNegativeInt = 0  # how many matching ones it lets through before the first hit
    # The delay; or when a job is killed, after its start
    seconds: Annotated[float, Field(ge=0, le=LONGEST_S, allow_inf_nan=False)] = 0
    status: Annotated[int, Field(ge=300, le=599)] | None = None  # the HTTP status, or SMTP's reply code
    retry_after: NonNegativeInt | None = None  # the header of that name, in seconds; None for no such header
    error: Annotated[str, Field(pattern="^[ -~]{1,200}$")] | None = None  # what the service says, in one line of ASCII
    commits: bool = False  # whether the request is carried out first, for kinds where either is possible
    # The state that a pipeline is held in. Source: GitLab REST API reference, pipelines, `status`
    state: (
        Literal[
            "manual", "scheduled", "waiting_for_resource", "waiting_for_callback", "preparing", "pending", "canceling"
        ]
        | None
    ) = None
    passed: int = 0  # how many matching ones it has let through so far
    hits: int = 0  # how many it has hit so far

    @property
    def is_used_up(self) -> bool:
        return self.times is not None and self.hits >= self.times

    def fits(self, service: str, kinds: Iterable[str], method: str, path: str) -> bool:
        """Whether it matches, whether or not it would let this one through."""
        is_meant = self.service == service and self.kind in kinds and not self.is_used_up
        return is_meant and self.method in (None, method) and (self.path or "") in path


class Faults:
    """The faults of one served world, in the order in which they were added."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._active: dict[int, Fault] = {}
        self._counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._held: dict[int, list[Callable[[], None]]] = {}

    def add(self, fields: Fields) -> Fault:
        """Adds a fault with these fields of `Fault`; those that are missing get their defaults.

        Raises:
            InputError: A field is unknown, has no meaning in this kind of fault, or has a value that cannot be.
        """
        complete = _checked(fields)
        try:
            fault = Fault(id=next(self._ids), **complete)
        except ValidationError as exc:
            wrong = exc.errors()[0]
            raise InputError(f"{wrong['loc'][0]} {_shown(wrong['input'])} cannot be: {wrong['msg']}.") from None
        with self._lock:
            self._active[fault.id] = fault
        return fault

    def add_preset(self, name: object) -> list[Fault]:
        """Adds the faults of a preset. Raises `InputError` for an unknown name."""
        return [self.add(fields) for fields in PRESETS[_one_of("preset", name, PRESETS)]]

    def active(self) -> list[Fault]:
        """Those that can still hit something, or that hold what they have hit."""
        with self._lock:
            return list(self._active.values())

    def counts(self) -> dict[str, dict[str, int]]:
        """How often each service was hit by each kind, cleared faults included."""
        with self._lock:
            return {service: dict(sorted(kinds.items())) for service, kinds in sorted(self._counted.items())}

    def hit(self, service: str, *kinds: str, method: str = "", path: str = "") -> Fault | None:
        """The fault that hits a request, mail or job; its hit is counted.

        The first match that lets nothing more through wins; later faults do not count this one. `kinds` limits the
        kinds that can hit, all of the service's by default; `path` is without its query.
        """
        with self._lock:
            for fault in list(self._active.values()):
                if not fault.fits(service, kinds or KINDS[service], method, path):
                    continue
                if fault.passed < fault.skip:
                    self._active[fault.id] = replace(fault, passed=fault.passed + 1)
                    continue
                hit = self._active[fault.id] = replace(fault, hits=fault.hits + 1)
                self._counted[service][fault.kind] += 1
                if hit.is_used_up and hit.kind not in _HOLDING:
                    del self._active[fault.id]
                return hit
        return None

    def flags(self, *kinds: str) -> frozenset[str]:
        """Which of these kinds are active in Zendesk; each counts as a hit."""
        return frozenset(kind for kind in kinds if self.hit("zendesk", kind))

    def when_cleared(self, fault: Fault, release: Callable[[], None]) -> None:
        """Calls `release` once a fault that holds something has been cleared; at once if it has been."""
        with self._lock:
            if fault.id in self._active:
                self._held.setdefault(fault.id, []).append(release)
                return
        release()

    def clear(self, fault_id: int) -> None:
        """Clears a fault if it is active, and releases what it holds."""
        with self._lock:
            self._active.pop(fault_id, None)
            released = self._held.pop(fault_id, [])
        for release in released:
            release()

    def clear_all(self) -> None:
        for fault in self.active():
            self.clear(fault.id)


def _checked(fields: Fields) -> dict[str, Any]:
    """A fault's fields with the defaults of its kind. None stands for *not given*, but in `times` for *until cleared*.

    Raises:
        InputError: The service, the kind or a field is unknown, or has no meaning in this kind.
    """
    service = _one_of("service", fields.get("service"), KINDS)
    kind = _one_of("kind", fields.get("kind"), KINDS[service])
    of_requests = {"path": None, "method": None} if service in _WEB_SERVICES else {}
    times = None if kind in FLAGS.get(service, {}) else 1
    complete = {**of_requests, "times": times, "skip": 0, **KINDS[service][kind]}
    given = {name: value for name, value in fields.items() if name == "times" or value is not None}
    if unknown := given.keys() - complete.keys() - {"service", "kind"}:
        raise InputError(
            f"{', '.join(sorted(unknown))} has no meaning in {kind} of {service}; expected only {', '.join(complete)}."
        )
    return {**complete, **given}


def _one_of(name: str, value: object, known: Iterable[str]) -> str:
    if isinstance(value, str) and value in known:
        return value
    raise InputError(f"{name} {_shown(value)} is unknown; expected one of {', '.join(known)}.")


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:80]}..."
