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

What a service answers is foreign text. It is redacted before anything else is done with it (`HttpSession.redactor`), so
that `parse` and `explain` see no secret and no license, and no secret is left to be cut or quoted.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx

from runbook_lib.clients.answers import OTHER_FORM, NotJsonError, decoded
from runbook_lib.clients.budget import Budget
from runbook_lib.clients.failures import NOT_SENT, Failures
from runbook_lib.clients.gate import Gate
from runbook_lib.clients.pace import ANNOUNCED, RATES, Pace
from runbook_lib.clients.refusals import UNKNOWN, Refusals
from runbook_lib.clients.retrying import TransientError, not_ready, patient
from runbook_lib.domain.errors import InputError, RefusedError
from runbook_lib.job_settings import JobSettings
from runbook_lib.redaction import Redactor
from runbook_lib.settings import Settings

TIMEOUT_S = 20.0
LARGEST_ANSWER, LONGEST_ANSWER_S = 64_000_000, 300.0
"""Bytes of an answer, unpacked, and seconds until its last one; a page of 100 long comments has a third of that."""
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
_BAD_NETWORK = (
    "The network's variables cannot be used as they are set ({}). Check HTTPS_PROXY and ALL_PROXY, which take "
    "http://HOST:PORT; NO_PROXY, which takes names and no networks; SSL_CERT_FILE and SSLKEYLOGFILE."
)
_T = TypeVar("_T")


class _TooLargeError(httpx.RequestError):
    """An answer has more bytes than may be read."""


class HttpSession(httpx.Client):
    """The connection pool of a run, with its budget of waiting. It holds no credentials: each `Service` adds its own.

    Args:
        loopback: Whether the services are on this machine; then no proxy is used.
        redactor: Removes secrets from each answer; by default licenses only.
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
        try:
            super().__init__(
                transport=transport,
                timeout=TIMEOUT_S,
                trust_env=not loopback,
                # Practice is not encrypted: no authority is trusted there, and none has to be loaded (50 ms).
                verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if loopback else True,
                headers={"User-Agent": "license-runbook"},
            )
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as exc:  # what it says may be a proxy's password
            raise InputError(_BAD_NETWORK.format(type(exc).__name__)) from None
        self.budget = budget or Budget(USUAL_BUDGET_S)
        self.redactor = redactor or Redactor({})
        self.gate = gate or Gate(practice=loopback)
        self.pace = pace

    @classmethod
    def of(cls, settings: Settings | JobSettings, *, budget: Budget | None = None) -> HttpSession:
        """The pool of a run with these settings, whose secrets are redacted from every answer."""
        loopback = settings.profile == "sandbox"
        pace = None
        if isinstance(settings, Settings):  # practice has no limits of its own, but may be set to refuse for a while
            pace = Pace(settings.outputs.resolve() / settings.profile / PACE, {} if loopback else RATES)
        return cls(loopback=loopback, budget=budget, redactor=Redactor.of(settings), pace=pace)


class Service:
    """One vendor's API.

    `headers` go to the hosts of `base_url` and of the addresses `also_own` only; `explain` finds the vendor's words in
    an error.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        headers: Mapping[str, str],
        session: HttpSession,
        explain: Callable[[Any], str],
        refusals: Refusals = UNKNOWN,
        also_own: Iterable[str] = (),
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.failures = Failures(name, self.base_url, session.redactor, explain, refusals)
        self._headers = dict(headers)
        self._own = {_origin(address) for address in (self.base_url, *also_own)}
        self._session = session
        self.budget = session.budget  # the run's budget of waiting
        self._patient = patient(name, session.budget)

    def read(self, path: str, params: Mapping[str, Any] | None = None) -> httpx.Response:
        """GET, retried a few times, unless there is no time for that (`Budget.hurried`).

        Raises:
            RefusedError: The service refused (4xx).
            UnavailableError: It cannot be reached, or keeps failing.
        """
        return self._patient(self._in_turn, path, partial(self._read_once, path, params))

    def read_json(self, path: str, parse: Callable[[Any], _T], params: Mapping[str, Any] | None = None) -> _T:
        """As `read`, and parse the decoded body."""
        return self.parsed(self.read(path, params), parse)

    def read_pages(
        self,
        path: str,
        parse: Callable[[Any], tuple[list[_T], str]],
        params: Mapping[str, str],
        *,
        cursor: str,
        what: str = "",
    ) -> Iterator[_T]:
        """Every item of a list, page by page.

        Args:
            parse: The items of a page, and the value of the parameter `cursor` for the next one; "" on the last.

        Raises:
            UnavailableError: As `read_json`; or there is no end to it.
        """
        seen, after = {""}, ""
        for _ in range(LAST_PAGE):
            wanted = {**params, cursor: after} if after else params
            items, after = self.read_json(path, parse, wanted)
            yield from items
            if not after:
                return
            if after in seen:
                break
            seen.add(after)
        raise self.failures.too_long(what or f"list {path}", LAST_PAGE)

    def write_json(self, method: str, path: str, parse: Callable[[Any], _T], **body: Any) -> _T:
        """Send a change at most once, and parse the decoded answer.

        It is sent again only if the service certainly has not acted: it was not reached, or answered 429. `body` is
        httpx's own: `json`, `data`, `content`, `params`, `headers`.

        Raises:
            RefusedError: The service refused, or sent the request elsewhere; nothing was changed.
            UnavailableError: The service was not reached, or a lease (`Budget.lease`) is over; nothing was changed.
            OutcomeUnknownError: The answer was lost, or cannot be read: look before trying again.
        """
        response = self._patient(self._in_turn, path, partial(self._write_once, method, path, body))
        try:
            return parse(self._decoded(response))
        except OTHER_FORM as exc:
            raise self.failures.lost("its answer cannot be read") from exc

    def parsed(self, response: httpx.Response, parse: Callable[[Any], _T]) -> _T:
        """The body of a read, decoded and parsed.

        Raises:
            UnavailableError: It is no JSON, as from a proxy's error page, or JSON of an unexpected form.
        """
        path = response.request.url.path
        try:
            return parse(self._decoded(response))
        except NotJsonError as exc:
            kind = self.failures.line(response.headers.get("content-type", "no type"))
            raise self.failures.odd(path, f"with something that is not JSON ({kind})", is_page="html" in kind) from exc
        except OTHER_FORM as exc:
            raise self.failures.odd(path) from exc

    def download(self, url: str, limit: int) -> httpx.Response:
        """Fetch a file of at most `limit` bytes; credentials go only to the service's own hosts.

        Raises:
            InputError: The file is larger.
            RefusedError, UnavailableError: As `read`; or nothing may be fetched from the address.
        """
        return self._patient(self._in_turn, "", partial(self._download_once, url, limit))

    def header(self, response: httpx.Response, name: str) -> str | None:
        """A header of an answer, redacted as its body is; None if it is not there."""
        words = response.headers.get(name)
        return None if words is None else self._session.redactor.text(words)

    def _in_turn(self, path: str, send: Callable[[], httpx.Response]) -> httpx.Response:
        """Wait until the service takes a request, among all that are sent from here, and send it.

        The seconds of one that failed count as waiting.
        """
        pace, budget = self._session.pace, self.budget
        seconds = pace.turn(self.name, path) if pace else 0.0
        while pace and seconds > 0:
            if not budget.wait(seconds, f"waiting {seconds:.1f} s for {self.name}, which limits requests"):
                raise TransientError(f"{self.name} is limiting requests (429). Try again in {seconds:.0f} s.", seconds)
            seconds = pace.held(self.name)
        started = time.monotonic()
        try:
            return send()
        except TransientError:
            budget.spend(time.monotonic() - started)
            raise

    def _read_once(self, path: str, params: Mapping[str, Any] | None) -> httpx.Response:
        patience_s = self.budget.patience_s
        timeout = httpx.USE_CLIENT_DEFAULT if patience_s is None else patience_s
        try:
            response = self._answer("GET", path, params=params, headers=self._headers, timeout=timeout)
        except _TooLargeError as exc:
            raise self.failures.odd(path, f"with {exc}, which is not read") from exc
        except httpx.RequestError as exc:
            raise self.failures.unreachable(exc) from exc
        if _is_unsure(response.status_code):
            raise self.failures.failing(response)
        return self._accepted(response)

    def _write_once(self, method: str, path: str, body: Mapping[str, Any]) -> httpx.Response:
        headers = {**self._headers, **body.get("headers", {})}
        if lease := self.budget.lease:
            lease.check()
        try:
            response = self._answer(method, path, **{**body, "headers": headers})
        except NOT_SENT as exc:
            raise self.failures.unreachable(exc) from exc
        except _TooLargeError as exc:
            raise self.failures.lost(f"it answered with {exc}") from exc
        except httpx.RequestError as exc:
            raise self.failures.lost(f"the connection broke ({type(exc).__name__})") from exc
        status = response.status_code
        if _is_unsure(status) or (300 <= status < 400 and status not in NOT_PERFORMED):
            raise self.failures.lost(f"it answered {status}")
        return self._accepted(response)

    def _answer(self, method: str, path: str, **request: Any) -> httpx.Response:
        with self._session.stream(method, f"{self.base_url}/{path.lstrip('/')}", **request) as response:
            return _whole(response, LARGEST_ANSWER)

    def _download_once(self, url: str, limit: int) -> httpx.Response:
        try:
            for _ in range(REDIRECTS + 1):
                request = self._session.gate.request_for(url, self.base_url)
                headers = {**(self._headers if _origin(url) in self._own else {}), **request.headers}
                with self._session.stream(
                    "GET", request.url, headers=headers, extensions=request.extensions
                ) as response:
                    if not response.has_redirect_location:
                        return self._file(response, limit)
                    url = urljoin(url, response.headers["location"])
        except httpx.InvalidURL as exc:
            raise RefusedError("The address of the file cannot be read, so it was not fetched.") from exc
        except httpx.RequestError as exc:
            raise self.failures.unreachable(exc) from exc
        raise RefusedError(f"{self.name} redirects more than {REDIRECTS} times, so the file was not fetched.")

    def _file(self, response: httpx.Response, limit: int) -> httpx.Response:
        if _is_unsure(response.status_code):
            raise self.failures.failing(response)
        try:
            return self._accepted(_whole(response, LARGEST_ANSWER if response.status_code >= 400 else limit))
        except _TooLargeError as exc:
            raise InputError(f"The file is larger than the limit of {limit:,} bytes and was not fetched.") from exc

    def _accepted(self, response: httpx.Response) -> httpx.Response:
        status, pace = response.status_code, self._session.pace
        if pace:
            pace.announced(self.name, response.headers.get(ANNOUNCED))
        if status < 300:
            return response
        if status < 400:
            raise self.failures.redirected(response)
        if status != 429:
            raise self.failures.refused(response)
        limited = not_ready(response, f"{self.name} is limiting requests (429)")
        if pace and limited.pause_s:
            pace.hold(self.name, limited.pause_s)
        raise limited

    def _decoded(self, response: httpx.Response) -> Any:
        return self._session.redactor.entering(decoded(response.content))


def _origin(url: str) -> tuple[str, str]:
    """An address's scheme, and its host with the port; capitals do not count."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _whole(response: httpx.Response, limit: int) -> httpx.Response:
    """A whole answer, unpacked. Raises httpx.RequestError if it breaks off, is too large or takes too long."""
    content, end = bytearray(), time.monotonic() + LONGEST_ANSWER_S
    for part in response.iter_bytes():
        content += part
        if len(content) > limit:
            raise _TooLargeError(f"more than {limit:,} bytes")
        if time.monotonic() > end:
            raise httpx.ReadTimeout(f"not all of it came in {LONGEST_ANSWER_S:.0f} s")
    headers = [pair for pair in response.headers.multi_items() if pair[0] != "content-encoding"]
    return httpx.Response(response.status_code, headers=headers, content=bytes(content), request=response.request)


def _is_unsure(status: int) -> bool:
    """Whether a status does not say that a request was refused: 5xx, and the time-outs that proxies answer with."""
    return status >= 500 or status in TIMED_OUT
