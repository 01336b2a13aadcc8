"""Nothing of a license, and no piece of a secret, in any form of output; from a service's answer to the record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from runbook_lib.card_html import html
from runbook_lib.cli import main as cli
from runbook_lib.clients.failures import WORDS_LIMIT
from runbook_lib.clients.gitlab import GitLab
from runbook_lib.clients.http import HttpSession, Service
from runbook_lib.clients.zendesk import Zendesk
from runbook_lib.display import Card, DecisionPath, Link, Paragraph, Preview, Stop, Table, Tone, text
from runbook_lib.domain.errors import RefusedError, UnavailableError
from runbook_lib.domain.models import Comment
from runbook_lib.ledger.journal import Journal
from runbook_lib.ledger.keyring import KeyRing
from runbook_lib.records import page
from runbook_lib.records.findings import Verification
from runbook_lib.records.reading import read
from runbook_lib.redaction import Redactor
from tests.clients.wire import Answer, Wire, reply
from tests.test_redaction import BASIC, GUARD, SPELLINGS, TOKENS, pieces
from tests.wrappings import EXAMPLES, FEW_EXAMPLES, LICENSES, WRAPPINGS, body_of, license_text, runs_of

NET = Redactor({})
LICENSE = license_text(bytes(range(256)) * 2, bytes(reversed(range(256))), b"0123456789abcdef", boundary=True)
SECRETS = {**TOKENS, "Basic": BASIC}
KEY = str(Path(__file__).parent / "data" / "field" / "public.pem")
COMMANDS: dict[str, Callable[[Path], list[str]]] = {
    "file": lambda folder: ["license", "read", str(folder / "license.txt"), "--public-key", KEY],
    "parameter": lambda folder: ["run", "weekend_license", "1001", "-p", "plan", "LICENSE"],
    "name of a parameter": lambda folder: ["run", "weekend_license", "1001", "-p", "LICENSE", "x"],
    "ticket": lambda folder: ["run", "weekend_license", "LICENSE"],
    "runbook": lambda folder: ["run", "LICENSE", "1001"],
    "command": lambda folder: ["LICENSE"],
    "option": lambda folder: ["records", "list", "--LICENSE"],
    "choice": lambda folder: ["answer", "1001", "LICENSE", "maybe"],
    "answer": lambda folder: ["answer", "1001", "operation", "LICENSE"],
    "record": lambda folder: ["records", "show", "LICENSE"],
    "path": lambda folder: ["license", "read", "LICENSE", "--public-key", KEY],
}
"""Where in a command a license may have been pasted."""
STRIDE = 3 if EXAMPLES.max_examples > 1000 else 29
"""Offsets are thinned out, from another start for each secret and spelling; PROPERTY_EXAMPLES tries one in three."""


def guarded(*answers: Answer) -> HttpSession:
    """A pool that knows the secrets."""
    session = Wire(*answers).session
    session.redactor = GUARD
    return session


def start(*what: str) -> int:
    """Where the offsets of a case begin: always at the same one, and for each case at another."""
    return sum("".join(what).encode()) % STRIDE


def card(words: str) -> Card:
    """A card that shows foreign text in each of its parts."""
    parts = (
        Paragraph(words),
        Table(("fact", "value", "source"), [("subject", words, "ticket"), (words, "", words)]),
        Preview("what the requester wrote", words[:1500]),
        Link(words, "https://desk.example"),
        DecisionPath([Stop(words, taken=True, answer=words[:200], evidence=words), Stop(words, taken=False)]),
    )
    return Card(words, "read", Tone.PLAIN, "PRACTICE", parts)


def record_of(words: str, *, net: bool = True) -> str:
    """A notebook whose cells show, print and raise foreign text, as the runner writes it, or as it would without."""
    manifest = {"ticket_id": 1001, "summary": words, "parameters": {"note": words}, "facts": [{"name": words}]}
    metadata = {"papermill": {"parameters": {"note": words}}, "runbook": manifest}
    notebook = nbformat.v4.new_notebook(metadata=metadata)
    cell = nbformat.v4.new_code_cell(f"note = {words!r}")
    cell.outputs = [
        nbformat.v4.new_output("display_data", {"text/plain": text(card(words)), "text/html": html(card(words))}),
        nbformat.v4.new_output("stream", text="\n".join(f"  | {line}" for line in words.splitlines())),
        nbformat.v4.new_output("error", ename="E", evalue=words[:700], traceback=[f"E: {words[13:900]!r}"]),
    ]
    notebook.cells = [cell, nbformat.v4.new_markdown_cell(words)]
    return nbformat.writes(NET.data(notebook) if net else notebook)


def zendesk_comment(body: str) -> Comment:
    """A comment as the client gives it."""
    item = {"id": 1, "author_id": 2, "body": body, "public": True, "created_at": "2026-11-21T09:04:00Z"}
    answer = reply(json={"comments": [item], "meta": {"has_more": False}})
    (found,) = Zendesk("https://desk.example", {}, guarded(answer)).comments(1)
    return found


# -- licenses


@FEW_EXAMPLES
@given(license=LICENSES, name=st.sampled_from(sorted(WRAPPINGS)))
def test_a_license_in_a_comment_is_on_no_card(license: str, name: str) -> None:
    """It is taken out as it enters; what is kept for the finder never shows itself."""
    found = zendesk_comment(f"Hello,\n{WRAPPINGS[name](license)}\nKim")
    shown = f"{found!r} {text(card(found.body))} {html(card(found.body))} {json.dumps(found.body)}"
    assert [] == runs_of(body_of(license), shown)
    assert license in found.raw or name != "as written"


@FEW_EXAMPLES
@given(license=LICENSES, name=st.sampled_from(sorted(WRAPPINGS)))
def test_a_license_that_got_in_is_in_no_record(license: str, name: str) -> None:
    """The second net, by itself: cards, prints, errors and parameters of a text that nothing was taken out of."""
    wrapped = f"Hello,\n{WRAPPINGS[name](license)}\nKim"
    assert [] == runs_of(body_of(license), record_of(wrapped))


@FEW_EXAMPLES
@given(license=LICENSES, name=st.sampled_from(sorted(WRAPPINGS)), at=st.integers(0, 220))
def test_a_license_in_an_error_body_is_in_no_message(license: str, name: str, at: int) -> None:
    """Wherever the message is cut."""
    body = {"error": "RecordInvalid", "description": "x" * at + WRAPPINGS[name](license)}
    service = Service("Desk", "https://desk.example", {}, guarded(reply(422, json=body)), lambda b: b["description"])
    with pytest.raises(RefusedError) as raised:
        service.read("x")
    assert [] == runs_of(body_of(license), str(raised.value))


@settings(FEW_EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(license=LICENSES, name=st.sampled_from(sorted(WRAPPINGS)))
def test_a_license_is_in_no_line_of_a_journal(tmp_path: Path, license: str, name: str) -> None:
    """Nor in the file, which is all that is kept."""
    journal = Journal(tmp_path / "1", "live/1", KeyRing(tmp_path / "keys"))
    journal.append("note", words=WRAPPINGS[name](license)[:1200])
    assert [] == runs_of(body_of(license), journal.path.read_text(encoding="utf-8"))


@pytest.mark.slow
@settings(FEW_EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(license=LICENSES, name=st.sampled_from(sorted(WRAPPINGS)))
def test_a_license_that_stands_in_a_record_is_on_no_page(tmp_path: Path, license: str, name: str) -> None:
    """Nor in the terminal: `records show` of a record that an older version, or a stranger, has made."""
    words = f"Hello,\n{WRAPPINGS[name](license)}\nKim"
    path = tmp_path / "x.ipynb"
    path.write_text(record_of(words, net=False), encoding="utf-8")
    record, verification = read(path), Verification(1, ())
    shown = page.as_html(record, verification) + page.as_text(record, verification)
    assert [] == runs_of(body_of(license), shown)


@settings(FEW_EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(license=LICENSES, name=st.sampled_from(sorted(WRAPPINGS)), place=st.sampled_from(sorted(COMMANDS)))
def test_a_license_that_is_typed_is_not_said(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], license: str, name: str, place: str
) -> None:
    """Neither on stdout nor on stderr, wherever in a command it stands, or in the file that one reads."""
    wrapped = WRAPPINGS[name](license)
    folder = tmp_path_factory.mktemp("typed")
    (folder / "license.txt").write_text(wrapped, encoding="utf-8")
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RUNBOOK_OUTPUTS", str(folder))
        try:
            status = cli.main([wrapped if word == "LICENSE" else word for word in COMMANDS[place](folder)])
        except SystemExit as exc:
            status = exc.code
    said = capsys.readouterr()
    assert status
    assert [] == runs_of(body_of(license), said.out + said.err)


@pytest.mark.parametrize("wrong", ["", "RUNBOOK_GRACE_DAYS", "RUNBOOK_NO_SUCH"])
@pytest.mark.parametrize("place", [*sorted(COMMANDS), "list"])
def test_a_secret_that_is_typed_is_not_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, place: str, wrong: str
) -> None:
    """A token pasted in the wrong place is in no message, and in no table of a batch; also where a setting is wrong."""
    token = "glpat-Zx81kQ-r7Wm2LtB0vYdc"
    if wrong:
        monkeypatch.setenv(wrong, "many")
    for name, value in {"PROFILE": "live", "GITLAB_TOKEN": token, "OUTPUTS": str(tmp_path)}.items():
        monkeypatch.setenv(f"RUNBOOK_{name}", value)
    (tmp_path / "list.csv").write_text(f"ticket,user_count\n1001,{token}\n{token},3\n")
    table = tmp_path / "table.csv"
    words = {**COMMANDS, "list": lambda folder: ["batch", str(folder / "list.csv"), "--csv", str(table)]}[place](
        tmp_path
    )
    (tmp_path / "license.txt").write_text(token)

    assert cli.main([word.replace("LICENSE", token) for word in words])

    said = capsys.readouterr()
    assert token[6:14] not in said.out + said.err + (table.read_text() if table.exists() else "")


def test_a_license_in_a_table_of_a_ticket_is_not_shown() -> None:
    """Subject, names, file names and a tracker's title enter in the same way."""
    answer = {
        "ticket": {
            **dict.fromkeys(("subject", "status"), LICENSE),
            **{"id": 1, "created_at": "2026-11-21T09:04:00Z", "updated_at": "2026-11-21T09:04:00Z", "requester_id": 2},
            "organization_id": 3,
        },
        "users": [{"id": 2, "name": LICENSE, "email": LICENSE}],
        "organizations": [{"id": 3, "name": LICENSE, "organization_fields": {"plan": LICENSE, LICENSE: [LICENSE]}}],
    }
    ticket = Zendesk("https://desk.example", {}, guarded(reply(json=answer))).ticket(1)
    assert [] == runs_of(body_of(LICENSE), repr(ticket))


def test_a_tracker_copy_is_kept_for_sending_and_never_shown() -> None:
    """`raw` is what goes back to GitLab, and to the finder."""
    item = {"iid": 1, "title": LICENSE, "state": "closed", "labels": [], "web_url": "https://x", "description": LICENSE}
    item["created_at"] = "2026-11-21T09:04:00Z"
    issue = GitLab("https://git.example", SecretStr("t"), guarded(reply(json=item))).issue(1, 1)
    assert LICENSE == issue.raw
    assert [] == runs_of(body_of(LICENSE), f"{issue!r} {issue.description}")


# -- secrets


@pytest.mark.parametrize("spelling", sorted(SPELLINGS))
@pytest.mark.parametrize("name", sorted(SECRETS))
def test_no_piece_of_a_secret_at_any_offset_of_a_message(name: str, spelling: str) -> None:
    """A message is cut at 200 characters; the secret is taken out before that."""
    core = SECRETS["customersdot_cookie's value"] if "cookie" in name else SECRETS[name]
    for at in range(start(name, spelling), WORDS_LIMIT + 8, STRIDE):
        words = f"{'x' * at} {SPELLINGS[spelling](SECRETS[name])} is not valid"
        answers = [reply(401, json={"error": words}), reply(401, text=words, headers={"Content-Type": "text/plain"})]
        for answer in answers:
            service = Service("Desk", "https://desk.example", {}, guarded(answer), lambda body: str(body["error"]))
            with pytest.raises(RefusedError) as raised:
                service.read("x")
            assert [] == pieces(core, str(raised.value))


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_no_piece_of_a_secret_at_any_offset_of_a_card(name: str) -> None:
    """Values are cut at 240 characters, the first message at 1,500, and lines are wrapped at 100."""
    core = SECRETS["customersdot_cookie's value"] if "cookie" in name else SECRETS[name]
    for limit in (100, 240, 1500):
        for at in range(limit - len(SECRETS[name]) - 8 + start(name, str(limit)), limit + 8, STRIDE):
            found = zendesk_comment(f"{'x ' * (at // 2)}{SECRETS[name]} and more").body
            assert [] == pieces(core, text(card(found)) + found[:limit])


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_no_piece_of_a_secret_in_a_line_of_a_journal(tmp_path: Path, name: str) -> None:
    """In any spelling, cut at either end."""
    core = SECRETS["customersdot_cookie's value"] if "cookie" in name else SECRETS[name]
    journal = Journal(tmp_path / "1", "live/1", KeyRing(tmp_path / "keys"), GUARD)
    for spelling in SPELLINGS.values():
        words = f"the token {spelling(SECRETS[name])} is not valid"
        journal.append("note", words=words, cut=words[: len(words) // 2], rest=words[len(words) // 2 :])
    assert [] == pieces(core, journal.path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("header", ["Content-Type", "X-OAuth-Scopes"])
def test_no_secret_comes_in_by_a_header(header: str) -> None:
    """What is reported of an answer's headers is redacted as its body is."""
    token = TOKENS["slack_token"]
    answer = reply(text="no JSON", headers={header: token})
    service = Service("Desk", "https://desk.example", {}, guarded(answer), lambda body: str(body))
    response = service.read("x")
    assert [] == pieces(token, service.header(response, header) or "")
    with pytest.raises(UnavailableError) as raised:
        service.parsed(response, lambda body: body)
    assert [] == pieces(token, str(raised.value))


# -- answers that are nested without end

DEEP = b"[" * 10_000 + b"]" * 10_000
ALMOST = b'{"a":' * 900 + b"1" + b"}" * 900


@pytest.mark.parametrize("content", [DEEP, ALMOST], ids=["10,000 deep", "900 deep"])
@pytest.mark.parametrize("status", [200, 422])
def test_an_endlessly_nested_answer_is_a_sentence(content: bytes, status: int) -> None:
    """No recursion error surfaces, from a read, a write or a refusal."""
    answer = reply(status, content=content, headers={"Content-Type": "application/json"})
    service = Service("Desk", "https://desk.example", {}, guarded(answer), lambda body: body["error"])
    with pytest.raises((UnavailableError, RefusedError)):
        service.read_json("x", lambda body: body["ticket"])
