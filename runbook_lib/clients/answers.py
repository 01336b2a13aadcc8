"""Reads the objects of a vendor's answer into models, each field with its type; so nothing odd gets any further.

A field that a vendor leaves out or gives as null has the model's default. One that is needed, or of another type, makes
the answer one of an unexpected form (`http.Service.parsed`). The error says nothing of the value: it may be a secret.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from runbook_lib.domain.models import (
    Account,
    Attachment,
    Comment,
    Organization,
    Person,
    Pipeline,
    SeatLink,
    SoldLicense,
    Ticket,
    TrackerIssue,
)
from runbook_lib.redaction import original

_T = TypeVar("_T")
OTHER_FORM = (LookupError, TypeError, AttributeError, ValueError, OverflowError, RecursionError)
"""What parsing an answer of an unexpected form raises; the last one if it is nested without end."""
READ = (Account, Attachment, Comment, Organization, Person, Pipeline, SeatLink, SoldLicense, Ticket, TrackerIssue)
"""Every model that an answer is read into."""
_adapter = lru_cache(TypeAdapter)


def prepare() -> None:
    """Build what checks the models of answers, in a process that waits, or that forks: those of it need not."""
    for kind in READ:
        _adapter(kind)


class NotJsonError(ValueError):
    """An answer is no JSON at all, such as the page of a proxy or of a sign-in."""


def decoded(content: bytes) -> Any:
    """An answer's JSON; of a key that it names twice, the last value, as with other readers.

    Raises:
        NotJsonError: It is none, or has a number that JSON does not know. Source: RFC 8259, 6.
        RecursionError: It is nested without end.
    """
    try:
        return json.loads(content, parse_float=_finite, parse_constant=_finite)
    except ValueError as exc:
        raise NotJsonError from exc


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number without end")
    return number


def typed(kind: type[_T], value: Any) -> _T:
    """A value of an answer, if it is of this type. Raises TypeError if it is not."""
    adapter: TypeAdapter[_T] = _adapter(kind)  # type: ignore[arg-type]
    try:
        return adapter.validate_python(value)
    except ValidationError:
        raise TypeError(f"something else in place of {kind}") from None


def model(kind: type[_T], item: Any, **more: Any) -> _T:
    """An object of an answer as a model: by the names of its fields, with `more` in place of what is named otherwise.

    Raises:
        TypeError: It is no object, lacks a field, or has one of another type.
    """
    given = {**item, **more}
    needed = {one.name for one in fields(cast(Any, kind)) if one.default is one.default_factory is MISSING}
    return typed(kind, {name: value for name, value in given.items() if value is not None or name in needed})


def listed(items: Any, parse: Callable[[Any], _T]) -> list[_T]:
    """Each item of a list in an answer, parsed. Raises TypeError if it is no list, which is no empty one."""
    return [parse(item) for item in typed(list, items)]


def joined_words(said: Any) -> str:
    """What an error says: text, a list, or texts by field, one in another."""
    if isinstance(said, dict):
        return "; ".join(f"{field} {joined_words(words)}" for field, words in said.items())
    return ", ".join(map(joined_words, said)) if isinstance(said, list) else str(said)


def moment(text: str) -> datetime:
    """A stamp in UTC; one without an offset is of UTC, and could not be compared without it."""
    found = datetime.fromisoformat(text.removesuffix(" UTC"))
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def cursor(value: Any) -> str:
    """Where the next page of a list begins, as it is sent back; "" on the last page."""
    found = typed(str, original(value or ""))
    found.encode()  # half a character could not be sent
    return found
