"""Sends a mail through the license job's mail server, and distinguishes *not sent* from *unknown*."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage

from runbook_lib.domain.errors import InputError, OutcomeUnknownError
from runbook_lib.job_settings import JobSettings

TIMEOUT_S = 30.0


def send(mail: EmailMessage, settings: JobSettings) -> None:
    """Send a mail.

    Raises:
        InputError: The server refused it or cannot be reached: nothing was sent.
        OutcomeUnknownError: The connection broke while the mail was being sent.
    """
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        server = _connect(settings)
    except (OSError, smtplib.SMTPException) as exc:
        raise InputError(f"The mail server {where} cannot be used: {_smtp_words(exc)}") from exc
    except ValueError:
        raise InputError(
            f"The mail server {where} cannot be used: RUNBOOK_SMTP_HOST, RUNBOOK_SMTP_USERNAME or "
            "RUNBOOK_SMTP_PASSWORD has characters that cannot be sent; expected ASCII."
        ) from None  # the error holds the password
    try:
        server.send_message(mail)
    except (smtplib.SMTPServerDisconnected, OSError) as exc:
        if isinstance(exc, smtplib.SMTPServerDisconnected) or not isinstance(exc, smtplib.SMTPException):
            raise OutcomeUnknownError(f"The connection to {where} broke while the mail was sent.") from exc
        raise InputError(f"The mail server {where} refused the mail: {_smtp_words(exc)}") from exc
    finally:
        server.close()


def _connect(settings: JobSettings) -> smtplib.SMTP:
    # What is not encrypted needs no authority, and loading them takes 20 ms
    tls = ssl.create_default_context() if settings.smtp_security != "none" else None
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_S, context=tls)
    else:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_S)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=tls)
        if settings.smtp_username and settings.smtp_password:
            server.login(settings.smtp_username, settings.smtp_password.get_secret_value())
    except (OSError, ValueError):
        server.close()
        raise
    return server


def _smtp_words(exc: Exception) -> str:
    """The server's reply, as code and text."""
    replies: list[tuple[int, bytes | str]] = []
    if isinstance(exc, smtplib.SMTPRecipientsRefused):
        replies = list(exc.recipients.values())
    elif isinstance(exc, smtplib.SMTPResponseException):
        replies = [(exc.smtp_code, exc.smtp_error)]
    words = [f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}" for code, text in replies]
    return " / ".join(words) or f"{type(exc).__name__}: {exc}"
