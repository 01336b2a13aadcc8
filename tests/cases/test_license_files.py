"""The licenses on a ticket: what is held, and how a file without a license is described."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runbook_lib.cases.base import Case
from runbook_lib.cases.downloads import MOST_FILES, Downloads
from runbook_lib.cases.gathering import license_facts
from runbook_lib.cases.license_files import MOST_LICENSES, LicenseFiles
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.domain.errors import InputError
from runbook_lib.domain.evidence import Attached
from runbook_lib.domain.models import Attachment, Comment
from tests.clients.wire import Answer, Wire, reply
from tests.domain.test_finder import CODE, mail, zipped
from tests.wrappings import WRAPPINGS, body_of, runs_of

FIELD = Path(__file__).parent.parent / "data" / "field"
DESK = "https://team.zendesk.com"
AT = "2026-11-21T09:04:00Z"
TEXT = (FIELD / "no-plan-starter.gitlab-license").read_text()
BARE = (FIELD / "short-plain.gitlab-license").read_text()
THE_COMMENT = "the comment of 2026-11-21 09:04 UTC"


def cms(kind: int) -> bytes:
    """How a signed (2) or an encrypted (3) message of S/MIME begins."""
    return b"0\x82\x10\0\x06\x09*\x86H\x86\xf7\r\x01\x07" + bytes([kind]) + b"\xa0\x82"


def looked(thread: list[Comment], *answers: Answer, key: Path | None = FIELD / "public.pem") -> LicenseFiles:
    """What is found in a thread whose files are fetched one after the other."""
    zendesk = Zendesk(DESK, {}, Wire(*(answers or (reply(404),))).session)
    settings = SimpleNamespace(license_public_key_file=key)
    case = SimpleNamespace(downloads=Downloads(zendesk, 1_000_000), settings=settings)
    files = LicenseFiles(cast(Case, case))
    files.look(thread)
    return files


def comment(body: str, *names: str, size: int = 1000, html: str = "") -> Comment:
    """A comment as Zendesk gives it, with files."""
    files = tuple(
        Attachment(n, name, f"{DESK}/{n}", "image/png", size, malware="malware_not_found")
        for n, name in enumerate(names)
    )
    item: dict[str, Any] = {"id": 1, "author_id": 2, "body": body, "html_body": html, "public": True, "created_at": AT}
    wire = Wire(reply(json={"comments": [item], "meta": {"has_more": False}}))
    (found,) = Zendesk(DESK, {}, wire.session).comments(1)
    return replace(found, attachments=files)


@pytest.mark.parametrize("name", sorted(WRAPPINGS))
def test_a_pasted_license_counts_as_a_file_does(name: str) -> None:
    """In whatever wrapping it stands in the comment; the comment itself is shown without it."""
    pasted = comment(f"Here it is:\n{WRAPPINGS[name](TEXT)}\nKim")
    (held,) = looked([pasted]).held
    assert (THE_COMMENT, "2026-11-06") == (held.name.partition(" (")[0], str(held.expires_on))
    assert [] == runs_of(body_of(TEXT), f"{pasted!r} {pasted.body}")


@pytest.mark.parametrize(
    "html",
    [
        f"<p>{TEXT}</p>",
        f"<pre>{TEXT}</pre>",
        "<table>" + "".join(f"<tr><td>{line}</td></tr>" for line in TEXT.splitlines()) + "</table>",
        f'<a href="#" title="{TEXT}">our license</a>',
        f"<!-- {TEXT} -->",
        WRAPPINGS["br"](BARE),
        WRAPPINGS["HTML of a quote"](BARE),
    ],
    ids=["p", "pre", "table", "title", "comment", "br", "quote"],
)
@pytest.mark.parametrize("plain", ["Our license:", TEXT[:700]], ids=["nothing", "a cut one"])
def test_a_license_in_the_html_of_a_comment_counts(html: str, plain: str) -> None:
    """Where the plain text has none, or only a part; it is shown nowhere."""
    said = comment(plain, html=f"<div>{html}</div>")
    (held,) = looked([said]).held
    assert (THE_COMMENT, "2026-11-06") == (held.name, str(held.expires_on))
    assert [] == runs_of(body_of(TEXT), repr(said)) + runs_of(body_of(BARE), repr(said))


def test_a_license_in_text_and_html_is_one() -> None:
    """Zendesk gives both of every comment."""
    files = looked([comment(TEXT, html=WRAPPINGS["br"](TEXT))])
    assert (1, []) == (len(files.held), files.notes)


@pytest.mark.parametrize(
    "content",
    [TEXT.encode("utf-16"), zipped(key=BARE.encode()), mail(TEXT.encode()).as_bytes(), b"Hi,\n\n" + TEXT.encode()],
    ids=["UTF-16", "zip", "mail", "text"],
)
def test_a_file_counts_by_its_content(content: bytes) -> None:
    """Its name and its media type say *image*."""
    files = looked([comment("See the file.", "image.png")], reply(content=content))
    assert ["2026-11-06"] == [str(held.expires_on) for held in files.held]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89PNG\r\n\x1a\n", "it is an image (PNG)."),
        (b"\0\0\0\x18ftypisom", "it is a video or a sound."),
        (b"\0\0\0\x18ftypheic", "it is a HEIC photo. Ask for a PNG or JPEG"),
        (CODE.encode(), "it is an activation code. It activates an online license"),
        (b"", "it is empty."),
        (b"<html><body>Sign in", "it is a web page (HTML)."),
        (b'"License Key",""\n"Email","a@b.example"\n', "it is the license usage export. Its first line should hold"),
        (b'"License Start Date","2025-11-08"\n"License End Date","2026-11-06"\n', "it is the license usage export."),
        (b'"License End Date";"x"\r\n"";""\r\n"Date";"Billable User Count"\r\n', "it is the license usage export."),
        (zipped(a=b"hello"), "it is a zip archive."),
        (b"Hello", "it is text."),
    ],
)
def test_a_file_without_a_license_is_reported_with_its_kind(content: bytes, words: str) -> None:
    """Every file stands on the card, whatever it is named."""
    files = looked([comment("See the file.", "our.gitlab-license", size=len(content))], reply(content=content))
    assert [] == files.held
    assert f"our.gitlab-license holds no license: {words}" in files.notes[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7", "It is a PDF. Open it yourself"),
        (b"-----BEGIN PGP MESSAGE-----\n\nhQEMA", "It is an encrypted message. Ask for it without encryption"),
        (b"\x78\x9f\x3e\x22" + bytes(99), "It is an Outlook or old Office file (winmail.dat). Open it yourself"),
        (bytes(range(256)), "It is of a kind that is not known here. Open it yourself"),
        (b"7z\xbc\xaf\x27\x1c", "It is an archive (7z). Open it yourself"),
        (b"Rar!\x1a\x07\x00", "It is an archive (RAR). Open it yourself"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "It is an Outlook or old Office file. Open it yourself"),
        (zipped(bomb=b"\0" * 30_000_000), "It is a zip archive. A file in it unpacks to more than 200 times"),
        (zipped(key=TEXT.encode())[:900], "It is a zip archive. The archive is damaged"),
        (zipped(shot=b"II*\0" + bytes(9)), "It is a zip archive. It holds an image; add that to the ticket"),
        (mail(b"%PDF-1.7").as_bytes(), "It is a mail. It holds a PDF; add that to the ticket"),
        (cms(2) + mail(TEXT.encode()).as_bytes(), "It is a message inside its signature. Open it in a mail program"),
        (cms(3) + bytes(range(99)), "It is an encrypted message. Ask for it without encryption"),
        (mail(cms(2) + b"Content-Type: text/plain\r\n\r\n").as_bytes(), "It is a mail. It holds a message inside"),
        (mail(cms(3) + bytes(range(99))).as_bytes(), "It is a mail. It holds an encrypted message"),
        pytest.param(
            *(b"x" * 900_000 + b"\n" + b"y" * 2_000_000, "It is text. Only its first 2 MB were searched"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_was_not_opened_is_unread(content: bytes, words: str) -> None:
    """It may hold the license, or the screenshot: it is asked for only after a look."""
    said = comment("See the file.", "our.zip")
    case = SimpleNamespace(downloads=SimpleNamespace(content=lambda file: content))
    files = LicenseFiles(cast(Case, case))
    files.look([said])
    (unread,) = files.unread
    assert (True, False) == (unread.is_here, unread.may_pass)
    assert unread.reason.startswith(words)
    assert [] == files.notes


def test_the_usage_export_is_called_so() -> None:
    """The license in its first line counts."""
    content = (FIELD / "license_usage.csv").read_bytes()
    files = looked([comment("", "license.gitlab-license")], reply(content=content))
    assert 1 == len(files.held)
    assert "is the license usage export; the license in its first line was read" in files.notes[0]


def test_two_licenses_in_one_file_are_both_reported() -> None:
    """Both are held, and the note says which one GitLab takes."""
    files = looked([comment("", "both.txt")], reply(content=f"{TEXT}\n{BARE}".encode()))
    assert 2 == len(files.held)
    assert "both.txt: 2 licenses are in it; GitLab itself takes the last one." in files.notes


def test_a_quoted_answer_does_not_count_twice() -> None:
    """The same license in the file, in the comment and in an answer is one."""
    thread = [comment(f"Attached and pasted:\n{TEXT}", "a.txt"), comment(WRAPPINGS["quoted"](TEXT))]
    assert 1 == len(looked(thread, reply(content=TEXT.encode())).held)


def test_what_something_between_sends_in_its_place_is_unread() -> None:
    """A gateway's words with status 200, of another length than the file's, are not *no license*."""
    words = b"This file was blocked by the data protection gateway. Ask the help desk. " * 40
    files = looked([comment("", "our.gitlab-license", size=1728)], reply(content=words))
    assert ([], []) == (files.held, files.notes)
    assert "Of 1,728 bytes it came as 2,920, as text without a license" in files.unread[0].reason
    assert files.unread[0].may_pass


def test_a_damaged_license_says_what_is_wrong() -> None:
    """In a comment as in a file."""
    files = looked([comment(TEXT[:900], "cut.txt", size=700)], reply(content=TEXT[:700].encode()))
    assert [] == files.held
    assert [f"The comment of {THE_COMMENT[15:]} was not used", "cut.txt was not used"] == [
        note.partition(": ")[0] for note in files.notes
    ]
    assert all("incomplete" in note for note in files.notes)


def test_an_odd_license_is_read_with_a_note() -> None:
    """As the gem reads it."""
    files = looked([comment("", "a.txt")], reply(content="\n".join(TEXT.splitlines()[:-1]).encode()))
    assert 1 == len(files.held)
    assert "a.txt: its END line is missing. It was read all the same." in files.notes


@pytest.mark.parametrize(
    ("status", "reason", "may_pass"), [(404, "404", False), (403, "403", False), (503, "503", True)]
)
def test_a_file_that_cannot_be_fetched_is_unread(status: int, reason: str, may_pass: bool) -> None:
    """It is no note on what it is: what could not be looked at may be the license."""
    files = looked([comment("", "a.txt")], reply(status))
    (unread,) = files.unread
    assert ("a.txt", may_pass) == (unread.name, unread.may_pass)
    assert reason in unread.reason
    assert ([], []) == (files.held, files.notes)


def test_a_large_file_is_unread_with_its_size() -> None:
    """Nobody looked into it, and the card says so."""
    (unread,) = looked([comment("", "big.bin", size=52_428_800)]).unread
    assert "big.bin could not be looked at: It has 52.4 MB, more than the limit of 1.0 MB." == unread.words


def test_licenses_without_a_key_to_check_them_stop() -> None:
    """The setting is named."""
    with pytest.raises(InputError, match="RUNBOOK_LICENSE_PUBLIC_KEY_FILE"):
        looked([comment(TEXT)], key=None)
    assert [] == looked([comment("Hello", "a.txt")], reply(content=b"x"), key=None).held


@pytest.mark.parametrize(("kind", "is_unread"), [("text/plain", True), ("image/png", False)])
def test_files_over_the_limit_are_reported(kind: str, is_unread: bool) -> None:
    """Those that may be a license are unread; pictures are only noted."""
    names = [f"{n}.txt" for n in range(MOST_FILES + 5)]
    said = comment("", *names)
    said = replace(said, attachments=tuple(replace(file, content_type=kind) for file in said.attachments))
    files = looked([said], reply(content=b"hello"))
    words = f"{MOST_FILES + 5} files are on the ticket; only the first {MOST_FILES} were looked at."
    assert is_unread == (words in [one.reason for one in files.unread])
    assert is_unread != (words in files.notes)
    assert MOST_LICENSES < MOST_FILES


@pytest.mark.slow
def test_a_megabyte_and_300_comments_are_looked_through() -> None:
    """The license at their end is found."""
    long = comment("nothing to see here " * 50_000 + TEXT)
    thread = [comment(f"answer {n}") for n in range(3)] * 100
    assert 1 == len(looked([*thread, long]).held)
    assert "nothing" in long.body
    assert [] == runs_of(body_of(TEXT), long.body[-4000:])


def test_activation_code_in_a_comment_is_redacted() -> None:
    """Whoever reads the record cannot use it."""
    said = comment(f"Our activation code is {CODE}.")
    assert CODE not in json.dumps([said.body, repr(said)])
    (note,) = looked([said]).notes
    assert "holds an activation code" in note


@pytest.mark.parametrize(
    ("changed", "plan"), [({}, "premium"), ({"is_cancellation": True}, None), ({"is_trial": True}, None)]
)
def test_only_a_license_of_a_paid_plan_tells_the_plan(changed: dict[str, bool], plan: str | None) -> None:
    held = replace(Attached("a.gitlab-license", "SHA256:0", None, plan="premium"), **changed)
    facts, _ = license_facts([held], held)
    assert plan == next((fact.value for fact in facts if fact.name == "plan"), None)
