"""One service over HTTP: reads are retried, a write never without knowing, and each failure has its error.

    not sent   connect errors, pool time-outs      nothing happened: retried, then `UnavailableError`
    refused    429                                 nothing happened: `Retry-After` is waited for, within the budget
               other 4xx                           nothing happened: `RefusedError`, with what to do (`refusals`)
               a redirect                          nothing happened: `RefusedError`; 303 answers what did happen
    unknown    read time-outs, resets, 5xx, 408    a read is retried, with `Retry-After` as for 429; a write raises
                                                   `OutcomeUnknownError`
               an answer of another form           a read is `UnavailableError`; a write as above

Must not know any vendor; each vendor's client passes `explain` for its errors and `parse` for its answers, so that an
answer without an expected key is reported like any other that cannot be read.

What a service answers is foreign text. It is redacted before anything else is done with it (`Session.redactor`), so
that `parse` and `explain` see no secret and no license, and no secret is left to be cut or quoted.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, TypeVar, cast
from urllib.parse import urljoin, urlsplit

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter

from runbook_lib.clients.advice import first_advice
from runbook_lib.clients.budget import Budget
from runbook_lib.clients.gate import Gate
from runbook_lib.clients.pace import ANNOUNCED, RATES, Pace
from runbook_lib.clients.refusals import UNKNOWN, Refusals
from runbook_lib.domain.errors import InputError, OutcomeUnknownError, RefusedError, UnavailableError
from runbook_lib.job_settings import JobSettings
from runbook_lib.redaction import Redactor
from runbook_lib.settings import Settings

TIMEOUT_S = 20.0
ATTEMPTS = 4
"""Attempts when a service fails without a `Retry-After`; with one, it is asked again as long as the budget lasts."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
USUAL_BUDGET_S = 60.0
PACE = ".pace"
"""The folder, among a profile's outputs, by which processes take turns."""
REDIRECTS = 5
"""Redirects that a download follows."""
LAST_PAGE = 50
"""Pages of a list that are read at most; an incomplete list decides nothing."""
NOT_PERFORMED = (301, 302, 307, 308)
"""Redirects that ask for the same request elsewhere. Source: RFC 9110, 15.4: only 303 answers a request that was
performed; 302 does so for web forms, not for APIs."""
TIMED_OUT = (408, 425, 499)
"""Statuses by which a service or a proxy says that it has waited, or was not waited for. Source: RFC 9110, 15.5.9; RFC
8470, 5.2; nginx."""
_T = TypeVar("_T")
_BACKOFF = wait_exponential_jitter(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S, jitter=FIRST_PAUSE_S)
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,  # it refused the tunnel, before there was a request
    httpx.UnsupportedProtocol,
)
_OTHER_FORM = (LookupError, TypeError, AttributeError, ValueError, OverflowError, RecursionError)
"""What parsing an answer of an unexpected form raises; the last one if it is nested without end."""
WORDS_LIMIT = 200
"""Characters of a service's own words in a message."""


class _TransientError(UnavailableError):
    """Worth another try; `pause_s` is what the service asked for, or None."""

    def __init__(self, message: str, pause_s: float | None = None) -> None:
        super().__init__(message)
        self.pause_s = pause_s


class Session(httpx.Client):
    """The connection pool of a run, with its budget of waiting. It holds no credentials: each `Service` adds its own.

    Args:
        loopback: Whether the services are on this machine; then no proxy is asked for.
        budget: The run's seconds for waiting.
        transport: In place of the network.
        redactor: Removes secrets from each answer; by default licenses only.
        gate: Checks where downloads may go.
        pace: The rate limits that all processes share, or None for a single process.
    """

    def __init__(
        self,
        *,
        loopback: bool,
        budget: Budget | None = None,
        transport: httpx.BaseTransport | None = None,
        redactor: Redactor | None = None,
        gate: Gate | None = None,
        pace: Pace | None = None,
    ) -> None:
        super().__init__(
            transport=transport,
            timeout=TIMEOUT_S,
            trust_env=not loopback,
            # Practice is not encrypted: no authority is trusted there, and none has to be loaded, which takes 50 ms.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if loopback else True,
            headers={"User-Agent": "license-runbook"},
        )
        self.budget = budget or Budget(USUAL_BUDGET_S)
        self.redactor = redactor or Redactor({})
        self.gate = gate or Gate(practice=loopback)
        self.pace = pace

    @classmethod
    def of(cls, settings: Settings | JobSettings, *, budget: Budget | None = None) -> Session:
        """The pool of a run with these settings, whose secrets are redacted from every answer."""
        loopback = settings.profile == "sandbox"
        pace = None
        if isinstance(settings, Settings):  # practice has no limits of its own, but may be told to refuse for a while
            pace = Pace(settings.outputs.resolve() / settings.profile / PACE, {} if loopback else RATES)
        return cls(loopback=loopback, budget=budget, redactor=Redactor.of(settings), pace=pace)


@dataclass(frozen=True)
class Download:
    """A downloaded file, the address after redirects, and the answer's headers."""

    content: bytes
    url: str
    headers: Mapping[str, str]


class Service:
    """One vendor's API.

    Args:
        name: Its name in messages, such as `Zendesk`.
        base_url: Its address; paths are appended.
        headers: Its credentials, sent to `base_url`'s host only.
        session: The shared pool.
        explain: Turns an error response into the vendor's own words.
        refusals: What to do about them.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        headers: Mapping[str, str],
        session: Session,
        explain: Callable[[Any], str],
        refusals: Refusals = UNKNOWN,
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self._headers = dict(headers)
        self._session = session
        self._explain = explain
        self._refusals = refusals

    def read(
        self, path: str, params: Mapping[str, Any] | None = None, *, patience_s: float | None = None
    ) -> httpx.Response:
        """GET, retried a few times.

        Args:
            path: Below `base_url`.
            params: The query.
            patience_s: Try only once, with this time-out in seconds in place of the pool's.

        Raises:
            RefusedError: The service said no (4xx).
            UnavailableError: It cannot be reached, or keeps failing.
        """
        return self._retried(partial(self._read_once, path, params, patience_s), path, once=patience_s is not None)

    def read_json(
        self,
        path: str,
        parse: Callable[[Any], _T],
        params: Mapping[str, Any] | None = None,
        *,
        patience_s: float | None = None,
    ) -> _T:
        """As `read`, and parse the decoded body."""
        return self.parsed(self.read(path, params, patience_s=patience_s), parse)

    def write(self, method: str, path: str, **body: Any) -> httpx.Response:
        """Send a change at most once.

        It is sent again only if the service certainly has not acted: it was not reached, or answered 429.

        Args:
            method: The HTTP method.
            path: Below `base_url`.
            body: httpx's own: `json`, `data`, `content`, `params`, `headers`.

        Raises:
            RefusedError: The service said no, or sent the request elsewhere; nothing was changed.
            UnavailableError: The service was not reached, or a lease (`Budget.lease`) is over; nothing was changed.
            OutcomeUnknownError: The answer was lost: look before trying again.
        """
        return self._retried(partial(self._write_once, method, path, body), path)

    def parsed(self, response: httpx.Response, parse: Callable[[Any], _T]) -> _T:
        """The body of a read, decoded and parsed.

        Raises:
            UnavailableError: It is no JSON, as from a proxy's error page, or JSON of an unexpected form.
        """
        try:
            body = response.json()
        except RecursionError as exc:  # of JSON that is nested too deep
            raise self.odd(response) from exc
        except ValueError as exc:
            kind = self.line(response.headers.get("content-type", "no type"))
            raise UnavailableError(
                f"{self.name} answered with something that is not JSON ({kind}). Check its address, {self.base_url}."
            ) from exc
        try:
            return parse(self._session.redactor.entering(body))
        except _OTHER_FORM as exc:
            raise self.odd(response) from exc

    def write_json(self, method: str, path: str, parse: Callable[[Any], _T], **body: Any) -> _T:
        """As `write`, and parse the decoded answer; one that cannot be read counts as lost."""
        response = self.write(method, path, **body)
        try:
            return parse(self._session.redactor.entering(response.json()))
        except _OTHER_FORM as exc:
            raise self.lost("its answer cannot be read") from exc

    def download(self, url: str, limit: int, *, also_own: str = "") -> Download:
        """Fetch a file of at most `limit` bytes; credentials go along only to the service's own hosts.

        Args:
            url: The file's address.
            limit: Its most bytes.
            also_own: A host, beside `base_url`'s, that is the service's own too.

        Raises:
            InputError: The file is larger.
            RefusedError, UnavailableError: As `read`; or the address is none to be asked.
        """
        return self._retried(partial(self._download_once, url, limit, also_own))

    def pause(self, seconds: float) -> None:
        self._session.budget.pause(seconds)

    def _retried(self, call: Callable[[], _T], path: str = "", *, once: bool = False) -> _T:
        budget = self._session.budget

        def pause(seconds: float) -> None:
            budget.wait(seconds, f"waiting {seconds:.1f} s for {self.name}, which is not ready")

        retrying = Retrying(
            retry=retry_if_exception_type(_TransientError),
            wait=_pause,
            stop=lambda state: once or _is_enough(state, budget),
            sleep=pause,
            reraise=True,
        )
        try:
            return cast(_T, retrying(self._in_turn, call, path))
        except _TransientError as exc:
            used_up = "" if budget.left_s else f" This run's {budget.seconds:.0f} s of waiting are used up."
            raise UnavailableError(f"{exc}{used_up}") from exc

    def _in_turn(self, call: Callable[[], _T], path: str) -> _T:
        """Wait until the service takes a request, among all that are sent from here, and call.

        The seconds of a call that failed count as waiting.
        """
        pace, budget = self._session.pace, self._session.budget
        seconds = pace.turn(self.name, path) if pace else 0.0
        while pace and seconds > 0:
            if not budget.wait(seconds, f"waiting {seconds:.1f} s for {self.name}, which limits requests"):
                raise _TransientError(f"{self.name} is limiting requests (429). Try again in {seconds:.0f} s.", seconds)
            seconds = pace.held(self.name)
        started = time.monotonic()
        try:
            return call()
        except _TransientError:
            budget.spend(time.monotonic() - started)
            raise

    def _read_once(self, path: str, params: Mapping[str, Any] | None, patience_s: float | None) -> httpx.Response:
        timeout = httpx.USE_CLIENT_DEFAULT if patience_s is None else patience_s
        try:
            response = self._session.get(self._url(path), params=params, headers=self._headers, timeout=timeout)
        except httpx.RequestError as exc:
            raise self._unreachable(exc) from exc
        if _is_unsure(response.status_code):
            raise self._failing(response)
        return self._accepted(response)

    def _write_once(self, method: str, path: str, body: Mapping[str, Any]) -> httpx.Response:
        headers = {**self._headers, **body.get("headers", {})}
        rest = {key: value for key, value in body.items() if key != "headers"}
        if lease := self._session.budget.lease:
            lease.check()
        try:
            response = self._session.request(method, self._url(path), headers=headers, **rest)
        except _NOT_SENT as exc:
            raise self._unreachable(exc) from exc
        except httpx.RequestError as exc:
            raise self.lost(f"the connection broke ({type(exc).__name__})") from exc
        status = response.status_code
        if _is_unsure(status) or (300 <= status < 400 and status not in NOT_PERFORMED):
            raise self.lost(f"it answered {status}")
        return self._accepted(response)

    def _download_once(self, url: str, limit: int, also_own: str) -> Download:
        try:
            for _ in range(REDIRECTS + 1):
                request = self._session.gate.request_for(url, self.base_url)
                headers = {**(self._headers if self._is_own(url, also_own) else {}), **request.headers}
                with self._session.stream(
                    "GET", request.url, headers=headers, extensions=request.extensions
                ) as response:
                    if not response.has_redirect_location:
                        return Download(self._content(response, limit), url, dict(response.headers))
                    url = urljoin(url, response.headers["location"])
        except httpx.InvalidURL as exc:
            raise RefusedError("The address of the file cannot be read, so it was not fetched.") from exc
        except httpx.RequestError as exc:
            raise self._unreachable(exc) from exc
        raise RefusedError(f"{self.name} redirects more than {REDIRECTS} times, so the file was not fetched.")

    def _is_own(self, url: str, also_own: str) -> bool:
        """Whether an address is on a host that may see the credentials."""
        parts = urlsplit(url)
        mapped = bool(also_own) and (parts.scheme, parts.netloc.lower()) == ("https", also_own.lower())
        return mapped or parts[:2] == urlsplit(self.base_url)[:2]

    def _content(self, response: httpx.Response, limit: int) -> bytes:
        if _is_unsure(response.status_code):
            raise self._failing(response)
        if response.status_code >= 400:
            response.read()
        self._accepted(response)
        found = bytearray()
        for chunk in response.iter_bytes():
            found += chunk
            if len(found) > limit:
                raise InputError(f"The file is larger than the limit of {limit:,} bytes and was not fetched.")
        return bytes(found)

    def header(self, response: httpx.Response, name: str) -> str | None:
        """A header of an answer, redacted as its body is; None if it is not there."""
        words = response.headers.get(name)
        return None if words is None else self._session.redactor.text(words)

    def too_long(self, what: str) -> UnavailableError:
        """The error for a list, such as `list issues`, that has more than `LAST_PAGE` pages."""
        return UnavailableError(
            f"{self.name}'s {what} has more than {LAST_PAGE} pages, or repeats one, so it was not read to its end. "
            "Nothing is decided on a part of it."
        )

    def lost(self, how: str) -> OutcomeUnknownError:
        """The error for a write whose answer was lost."""
        return OutcomeUnknownError(f"A change was sent to {self.name}, but {how}: it may or may not have happened.")

    def refused(self, code: str, how: str) -> RefusedError:
        """The error for a no that came with 200.

        Args:
            code: The service's own word for it.
            how: The word with what stands beside it, for the reader.
        """
        word = self.line(code)
        row = self._refusals.row(None, word)
        words = f"{self.name} refused {self.line(how)}".rstrip(".") + "."
        return RefusedError(words, code=word, advice=row.advice, fault=row.fault)

    def _accepted(self, response: httpx.Response) -> httpx.Response:
        status, pace = response.status_code, self._session.pace
        if pace:
            pace.announced(self.name, response.headers.get(ANNOUNCED))
        if status < 300:
            return response
        if status < 400:
            raise self._redirected(response)
        if status == 429:
            pause = _retry_after_s(response)
            when = f"in {pause:.0f} s" if pause else "later"
            if pace and pause:
                pace.hold(self.name, pause)
            raise _TransientError(f"{self.name} is limiting requests (429). Try again {when}.", pause)
        words = self._words(response)
        row = self._refusals.row(status, words, response.request.url.path)
        refused = f"{self.name} refused ({status}): {words}"
        raise RefusedError(refused, status=status, advice=row.advice, fault=row.fault)

    def _failing(self, response: httpx.Response) -> _TransientError:
        """The error for a 5xx; under maintenance it says for how long. Source: RFC 9110, 10.2.3."""
        pause = _retry_after_s(response)
        when = f"in {pause:.0f} s" if pause else "later"
        words = f"{self.name} answers with an error of its own ({response.status_code}). Try again {when}."
        return _TransientError(words, pause)

    def _redirected(self, response: httpx.Response) -> RefusedError:
        """The error for a redirected request. The message has the target's address without its query."""
        try:
            target = urlsplit(urljoin(str(response.request.url), response.headers.get("location", "")))
            port = f":{target.port}" if target.port else ""
            where = self.line(f"{target.scheme}://{target.hostname or ''}{port}{target.path}")
        except ValueError:
            where = "an address that cannot be read"
        words = f"{self.name} sends this on to {where} ({response.status_code}), and has done nothing itself."
        advice = f"Correct {self._refusals.address}, then run again: nothing is sent twice."
        return RefusedError(words, status=response.status_code, advice=advice)

    def _words(self, response: httpx.Response) -> str:
        try:
            words = self._explain(self._session.redactor.entering(response.json()))
        except _OTHER_FORM:
            is_page = "html" in response.headers.get("content-type", "")
            words = f"{response.reason_phrase}, with a web page, perhaps of a proxy" if is_page else ""
        return (self.line(words) or self.line(response.reason_phrase)).rstrip(".") + "."

    def line(self, words: str) -> str:
        """A service's own words in one short line, redacted before anything is cut."""
        shown = self._session.redactor.text(words)
        return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in shown)).strip()[:WORDS_LIMIT]

    def odd(self, response: httpx.Response) -> UnavailableError:
        """The error for an answer of another form than the service promises."""
        return UnavailableError(
            f"{self.name} answered {response.request.url.path} in an unexpected form. "
            f"Check its address, {self.base_url}, or try again later."
        )

    def _unreachable(self, exc: httpx.RequestError) -> _TransientError:
        how = "does not answer in time" if isinstance(exc, httpx.TimeoutException) else "cannot be reached"
        return _TransientError(
            f"{self.name} at {self.base_url} {how}. {first_advice(exc, self.base_url)}, then run again."
        )

    def _url(self, path: str) -> str:
        return f"{self.base_url}/{path.lstrip('/')}"


def _is_unsure(status: int) -> bool:
    """Whether a status does not say that a request was refused: 5xx, and the time-outs that proxies answer with."""
    return status >= 500 or status in TIMED_OUT


def answered_at(response: httpx.Response) -> datetime | None:
    """The answer's `Date` header: the service's own clock. None if it is missing or cannot be read."""
    return _http_date(response.headers.get("date", ""))


def _pause(state: RetryCallState) -> float:
    """Seconds until the next try: as the service asked, or a little longer each time."""
    pause_s = _error(state).pause_s
    return _BACKOFF(state) if pause_s is None else pause_s


def _is_enough(state: RetryCallState, budget: Budget) -> bool:
    is_last = not _error(state).pause_s and state.attempt_number >= ATTEMPTS
    return is_last or state.upcoming_sleep > budget.left_s


def _error(state: RetryCallState) -> _TransientError:
    """The error of the last attempt."""
    exc = state.outcome and state.outcome.exception()
    if not isinstance(exc, _TransientError):
        raise TypeError(f"{exc!r} is not retried")
    return exc


def _retry_after_s(response: httpx.Response) -> float | None:
    """Seconds that a service asks to wait: given so, or as a date. Source: RFC 9110, `Retry-After`."""
    words = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", words):
        return float(words)
    at = _http_date(words)
    left_s = (at - (answered_at(response) or datetime.now(UTC))).total_seconds() if at else 0.0
    return left_s if left_s > 0 else None


def _http_date(words: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(words)
    except (IndexError, OverflowError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
