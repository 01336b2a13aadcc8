"""What to check first where a service cannot be reached."""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

import httpx

from runbook_lib.addresses import is_loopback
from runbook_lib.domain.plain_text import clean

_REASON_LIMIT = 100


def first_advice(exc: httpx.RequestError, base_url: str) -> str:
    """What a person does first, without a period at its end.

    Args:
        base_url: Its address. The only service on this machine is the practice world.
    """
    if reason := _refused_certificate(exc):
        return f"Its certificate is not accepted ({clean(reason, _REASON_LIMIT)}): check {_place_of(reason)}"
    if isinstance(exc, httpx.ProxyError):
        return "The proxy refuses the connection: check HTTPS_PROXY"
    if not is_loopback(urlsplit(base_url).hostname or ""):
        return "Check the network and its address"
    if isinstance(exc, httpx.ConnectError):
        return "The practice world has stopped: start it with `runbook sandbox`"
    return "The practice world may have been set to do so: look at the faults in its control room"


def _place_of(reason: str) -> str:
    """Where the fault of a certificate is, by OpenSSL's words. Source: OpenSSL, X509_verify_cert_error_string."""
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
