"""Answers that break off or are of an odd form, from real sockets: the outcome is right, and no write is sent twice."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest

from runbook_lib.clients import http, retrying
from runbook_lib.clients.budget import Budget
from runbook_lib.clients.http import HttpSession, Service
from runbook_lib.domain.errors import OutcomeUnknownError, RefusedError, RunbookError, UnavailableError
from tests.clients.sockets import answering

JSON = b'{"fine": true}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PACKED = gzip.compress(JSON, mtime=0)
CLOSED = "closes the connection before its answer is complete"


def sized(body: bytes, *, status: bytes = b"200 OK", kind: bytes = b"application/json", more: bytes = b"") -> bytes:
    """An answer with its length, after which the connection is closed."""
    more += b"Connection: close\r\n"
    return b"HTTP/1.1 %b\r\nContent-Type: %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, kind, more, len(body), body)


BROKEN = {
    "no answer": (b"", CLOSED),
    "half a head": (HEAD, CLOSED),
    "a body that is too short": (HEAD + b"Content-Length: 99\r\n\r\n" + JSON, CLOSED),
    "half a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n63\r\n" + JSON, CLOSED),
    "a missing last chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\ne\r\n" + JSON + b"\r\n", CLOSED),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n", CLOSED),
    "damaged packing": (
        sized(PACKED[:-8] + bytes(8), more=b"Content-Encoding: gzip\r\n"),
        "sends an answer that cannot be unpacked",
    ),
}
"""Answers that break off, and what a read says of them."""
UNREADABLE = {
    "a sign-in page": (
        sized(b"<html>Sign in</html>", kind=b"text/html"),
        r"JSON \(text/html\)\. If the network wants",
    ),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", r"is not JSON \(no type\)"),
    "half of it, packed": (sized(PACKED[:-14], more=b"Content-Encoding: gzip\r\n"), "is not JSON"),
    "half of it, by HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\n" + JSON[:-1], "is not JSON"),
    "no number": (sized(b'{"fine": NaN}'), "is not JSON"),
    "a number without end": (sized(b'{"fine": -1e999}'), "is not JSON"),
}
"""Answers whose body is no JSON, and what a read says of them."""


def cases(table: dict[str, tuple[bytes, str]]) -> Any:
    return pytest.mark.parametrize(("content", "words"), table.values(), ids=table)


def read(url: str) -> Any:
    with HttpSession(loopback=True, budget=Budget(60, sleep=lambda seconds: None)) as session:
        return Service("Desk", url, {"Authorization": "Bearer hush"}, session, str).read_json("api/x", dict)


def write(url: str) -> Any:
    with HttpSession(loopback=True, budget=Budget(60, sleep=lambda seconds: None)) as session:
        return Service("Desk", url, {"Authorization": "Bearer hush"}, session, str).write_json(
            "POST", "api/x", dict, json={"a": 1}
        )


def one_sentence(error: RunbookError) -> str:
    """What the person reads: what happened and what to do, on one line, without the token."""
    words = str(error)
    assert "\n" not in words
    assert "hush" not in words
    assert words.endswith(".")
    return words


@cases(BROKEN)
def test_read_that_breaks_off_is_tried_again(content: bytes, words: str) -> None:
    with answering(content) as (url, requests), pytest.raises(UnavailableError) as caught:
        read(url)
    assert words in one_sentence(caught.value)
    assert len(requests) == retrying.ATTEMPTS


@cases(BROKEN | UNREADABLE)
def test_write_that_breaks_off_is_unknown(content: bytes, words: str) -> None:
    with answering(content) as (url, requests), pytest.raises(OutcomeUnknownError) as caught:
        write(url)
    assert "it may or may not have happened." in one_sentence(caught.value)
    assert len(requests) == 1


@pytest.mark.parametrize(
    "content", [b"", HEAD, HEAD + b"Content-Length: 99\r\n\r\n" + JSON], ids=["at once", "head", "body"]
)
def test_reset_is_unknown_for_a_write_alone(content: bytes) -> None:
    with answering(content, reset=True) as (url, requests):
        with pytest.raises(OutcomeUnknownError, match="the connection broke"):
            write(url)
        assert len(requests) == 1
        with pytest.raises(UnavailableError, match=CLOSED):
            read(url)
    assert len(requests) == 1 + retrying.ATTEMPTS


@cases(UNREADABLE)
def test_read_of_no_json_is_named(content: bytes, words: str) -> None:
    with answering(content) as (url, requests), pytest.raises(UnavailableError) as caught:
        read(url)
    assert re.search(words, one_sentence(caught.value))
    assert len(requests) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.0 200 OK\r\n\r\n" + JSON,
        b"HTTP/1.0 200 OK\r\nContent-Length: 14\r\nConnection: keep-alive\r\n\r\n" + JSON,
        sized(gzip.compress(JSON), more=b"Content-Encoding: gzip\r\n"),
        sized(b'{"fine": false, "fine": true}'),
    ],
    ids=["HTTP/1.0", "HTTP/1.0 with a length", "packed", "a key twice"],
)
def test_unusual_answer_is_read(content: bytes) -> None:
    with answering(content) as (url, requests):
        assert read(url) == write(url) == {"fine": True}
    assert len(requests) == 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirected_write_goes_nowhere_else(status: int) -> None:
    with answering(sized(JSON)) as (other, elsewhere):
        moved = sized(b"", status=b"%d Moved" % status, more=b"Location: %b/api/x\r\n" % other.encode())
        with answering(moved) as (url, requests):
            for send in (write, read):
                with pytest.raises(RefusedError, match="sends this on to") as caught:
                    send(url)
                words = one_sentence(caught.value)
                assert words.lower().endswith("then run again: nothing is sent twice.")
                assert ("sign in" in words) == (status in (302, 307))
    assert (len(requests), elsewhere) == (2, [])


@pytest.mark.parametrize("packing", [b"", b"Content-Encoding: gzip\r\n"], ids=["plain", "packed"])
def test_huge_answer_is_not_read(monkeypatch: pytest.MonkeyPatch, packing: bytes) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 10_000)
    body = b" " * 1_000_000 + JSON
    with answering(sized(gzip.compress(body) if packing else body, more=packing)) as (url, requests):
        with pytest.raises(UnavailableError, match="answered api/x with more than 10,000 bytes") as caught:
            read(url)
        one_sentence(caught.value)
        with pytest.raises(OutcomeUnknownError, match="more than 10,000 bytes"):
            write(url)
    assert len(requests) == 2


def test_answer_without_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LONGEST_ANSWER_S", -1.0)
    with answering(sized(JSON)) as (url, requests):
        with pytest.raises(OutcomeUnknownError, match="ReadTimeout"):
            write(url)
        assert len(requests) == 1
        with pytest.raises(UnavailableError, match="does not answer in time"):
            read(url)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (b"Sat, 21 Nov 2020 08:30:00 GMT", "later"),
        (b"-5", "later"),
        (b"86400", "in 24.0 hours"),
        (b"Sat, 21 Nov 2026 08:40:00 GMT", "in 600 s"),
    ],
    ids=["past", "negative", "a day", "a date"],
)
@pytest.mark.parametrize("send", [read, write])
def test_retry_after_beyond_the_budget_is_named(send: Any, words: bytes, answer: str) -> None:
    more = b"Date: Sat, 21 Nov 2026 08:30:00 GMT\r\nRetry-After: %b\r\n" % words
    limited = sized(b"{}", status=b"429 Too Many Requests", more=more)
    with answering(limited) as (url, requests), pytest.raises(UnavailableError) as caught:
        send(url)
    assert one_sentence(caught.value) == f"Desk is limiting requests (429). Try again {answer}."
    assert len(requests) == (retrying.ATTEMPTS if answer == "later" else 1)
