"""The errors of one service, each with its sentence. Sends nothing, and knows no vendor.

What a service answers is foreign text: it is redacted, and cut afterwards.
"""

from __future__ import annotations

import html
import re
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from runbook_lib.addresses import is_loopback
from runbook_lib.clients.answers import OTHER_FORM, decoded
from runbook_lib.clients.refusals import SIGN_IN, WEB_PAGE, Refusals
from runbook_lib.clients.retrying import TransientError, not_ready
from runbook_lib.domain.errors import OutcomeUnknownError, RefusedError, UnavailableError
from runbook_lib.domain.plain_text import clean
from runbook_lib.redaction import Redactor

NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,  # it refused the tunnel, before there was a request
    httpx.UnsupportedProtocol,
)
"""Errors that occur before a request is sent."""
_REASON_LIMIT = 100
WORDS_LIMIT = 200
"""Characters of a service's own words in a message."""


class Failures:
    def __init__(
        self, name: str, base_url: str, redactor: Redactor, explain: Callable[[Any], str], refusals: Refusals
    ) -> None:
        self._name, self._base_url, self._redactor = name, base_url, redactor
        self._explain, self._refusals = explain, refusals

    def line(self, words: str) -> str:
        shown = self._redactor.text(words)
        return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in shown)).strip()[:WORDS_LIMIT]

    def unreachable(self, exc: httpx.RequestError) -> TransientError:
        advice = _first_advice(exc, self._base_url)
        return TransientError(f"{self._name} at {self._base_url} {_failure(exc)}. {advice}, then run again.")

    def failing(self, response: httpx.Response) -> TransientError:
        """The error for a 5xx; under maintenance it says for how long. Source: RFC 6585, 6, for 511."""
        if response.status_code == httpx.codes.NETWORK_AUTHENTICATION_REQUIRED:
            return TransientError(
                f"The network keeps {self._name} from you until you sign in to it (511). Do so, then run again."
            )
        return not_ready(response, f"{self._name} answers with an error of its own ({response.status_code})")

    def lost(self, how: str) -> OutcomeUnknownError:
        return OutcomeUnknownError(f"A change was sent to {self._name}, but {how}: it may or may not have happened.")

    def odd(self, path: str, how: str = "in an unexpected form", *, is_page: bool = False) -> UnavailableError:
        """The error for an answer of another form, kind or size than the service promises, such as a web page."""
        first = f"{SIGN_IN}. Else check" if is_page else "Check"
        where = f"{first} its address, {self._base_url}, or try again later."
        return UnavailableError(f"{self._name} answered {path} {how}. {where}")

    def too_long(self, what: str, pages: int) -> UnavailableError:
        """The error for a list, such as `list issues`, that has more pages than are read."""
        return UnavailableError(
            f"{self._name}'s {what} has more than {pages} pages, or repeats one, so it was not read to its end. "
            "Nothing is decided on a part of it."
        )

    def refused(self, response: httpx.Response) -> RefusedError:
        status, words = response.status_code, self._words(response)
        hint = self._refusals.hint(status, words, response.request.url.path)
        refused = f"{self._name} refused ({status}): {words}"
        return RefusedError(refused, status=status, advice=hint.advice, fault=hint.fault)

    def refused_with_200(self, code: str, how: str) -> RefusedError:
        """The error for a refusal with status 200: `code` is the service's word for it, `how` that with its details."""
        word = self.line(code)
        hint = self._refusals.hint(None, word)
        words = f"{self._name} refused {self.line(how)}".rstrip(".") + "."
        return RefusedError(words, code=word, advice=hint.advice, fault=hint.fault)

    def redirected(self, response: httpx.Response) -> RefusedError:
        """The error for a redirected request. The message has the target's address without its query."""
        try:
            target = urlsplit(urljoin(str(response.request.url), response.headers.get("location", "")))
            port = f":{target.port}" if target.port else ""
            where = self.line(f"{target.scheme}://{target.hostname or ''}{port}{target.path}")
        except ValueError:
            where = "an address that cannot be read"
        words = f"{self._name} sends this on to {where} ({response.status_code}), and has done nothing itself."
        rest = f"{self._refusals.address}, then run again: nothing is sent twice."
        is_for_now = response.status_code in (302, 307)  # as a network answers that has a sign-in page of its own
        advice = f"{SIGN_IN}; else correct {rest}" if is_for_now else f"Correct {rest}"
        return RefusedError(words, status=response.status_code, advice=advice)

    def _words(self, response: httpx.Response) -> str:
        try:
            words = self._explain(self._redactor.entering(decoded(response.content)))
        except OTHER_FORM:
            words = ""
            if "html" in response.headers.get("content-type", ""):
                title = re.search(rb"<title[^>]*>([^<]{1,100})", response.content, re.IGNORECASE)
                named = f" (*{self.line(html.unescape(title[1].decode(errors='replace')))}*)" if title else ""
                words = f"{response.reason_phrase}, {WEB_PAGE}{named}"
        return (self.line(words) or self.line(response.reason_phrase)).rstrip(".") + "."


def _failure(exc: httpx.RequestError) -> str:
    """What went wrong with a request, as the end of a sentence about the service."""
    if isinstance(exc, httpx.TimeoutException):
        return "does not answer in time"
    if isinstance(exc, httpx.DecodingError):
        return "sends an answer that cannot be unpacked"
    return "cannot be reached" if isinstance(exc, NOT_SENT) else "closes the connection before its answer is complete"


def _first_advice(exc: httpx.RequestError, base_url: str) -> str:
    """What a person does first, without a period at its end. The only service on this machine is the practice world."""
    if reason := _refused_certificate(exc):
        return f"Its certificate is not accepted ({clean(reason, _REASON_LIMIT)}): check {_place_of(reason)}"
    if isinstance(exc, httpx.ProxyError):
        return "The proxy refuses the connection: check HTTPS_PROXY"
    if not is_loopback(host := urlsplit(base_url).hostname or ""):
        proxy = getproxies().get("https") and not proxy_bypass(host)
        return f"Check the network{', the proxy in HTTPS_PROXY' if proxy else ''} and its address"
    if isinstance(exc, httpx.ConnectError):
        return "The practice world has stopped: start it with `runbook sandbox`"
    return "The practice world may have been set to do so: look at the faults in its control room"


def _place_of(reason: str) -> str:
    """What to check if a certificate is refused, by OpenSSL's words. Source: OpenSSL, X509_verify_cert_error_string."""
    if "expired" in reason or "not yet valid" in reason:
        return "this machine's clock, and tell who runs the service"
    if "self-signed" in reason or "issuer" in reason:
        return "its address; if a proxy of yours signs for it, name that authority in SSL_CERT_FILE"
    return "its address"


def _refused_certificate(exc: BaseException) -> str:
    """Why a certificate was refused, in OpenSSL's words; "" if none was."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return ""
