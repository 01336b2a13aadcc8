"""The second net: known secrets and licenses do not get through, however they are spelled; nothing else is touched."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path
from urllib.parse import quote

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.redaction import Redactor
from runbook_lib.settings import JobSettings, Settings
from tests.configuration import without_configuration

VECTORS = Path(__file__).parent / "data" / "license-vectors"
SECRET = "hush-&<>'\"\\-4711"
NET = Redactor({"zendesk_oauth_token": SECRET, "slack_token": "xoxb-canary", "short": "abc"})


@pytest.mark.parametrize(
    "spelled",
    [SECRET, html.escape(SECRET), quote(SECRET, safe=""), json.dumps(SECRET), repr(SECRET)],
    ids=["as it is", "HTML", "address", "JSON", "literal"],
)
def test_a_secret(spelled: str) -> None:
    """Its setting's name stands in its place."""
    found = NET.text(f"before {spelled} after")
    assert "4711" not in found
    assert "[zendesk_oauth_token]" in found
    assert found.startswith("before ")
    assert found.endswith(" after")


def test_what_is_too_short_is_no_secret() -> None:
    """It would be found in words that have nothing to do with it."""
    assert "abcdef" == NET.text("abcdef")


@pytest.mark.parametrize("name", ["plain.gitlab-license", "with-boundary.gitlab-license"])
@pytest.mark.parametrize("form", ["text", "one line", "literal", "JSON", "cut off"])
def test_a_license(name: str, form: str) -> None:
    """With boundary lines and without, whole, cut off, and inside of literals: none of it is left."""
    text = (VECTORS / name).read_text()
    spelled = {
        "text": text,
        "one line": text.replace("\n", ""),
        "literal": repr(text),
        "JSON": json.dumps({"license": text}),
        "cut off": text[: len(text) // 2],
    }[form]

    found = NET.text(f"before\n{spelled}\n after")

    assert "[license]" in found
    assert found.startswith("before\n")
    lines = [line for line in text.splitlines() if "LICENSE" not in line]
    assert not any(line[:40] in found for line in lines)


def test_what_looks_a_little_like_one() -> None:
    """Words about licenses, digests, links and images stay."""
    image = base64.b64encode(bytes(range(256)) * 4).decode()
    for text in ("BEGINNING of the LICENSE", "GitLab license", "a" * 64, image, "eyJkYXRhIjoi"):
        assert text == NET.text(text)


@given(st.text())
def test_nothing_else_is_touched(text: str) -> None:
    """Text without secrets and licenses is the same afterwards."""
    if not any(word in text for word in ("BEGIN", "hush", "canary", "eyJ")):
        assert text == NET.text(text)


def test_a_notebook() -> None:
    """Cells, outputs, tracebacks, parameters and metadata; its type stays."""
    notebook = nbformat.v4.new_notebook(metadata={"papermill": {"parameters": {"plan": SECRET}}, SECRET: 1})
    notebook.cells = [nbformat.v4.new_code_cell(f"token = {SECRET!r}")]
    notebook.cells[0].outputs = [
        nbformat.v4.new_output("stream", text=SECRET),
        nbformat.v4.new_output("error", ename="E", evalue=SECRET, traceback=[SECRET]),
        nbformat.v4.new_output("display_data", {"text/html": html.escape(SECRET), "application/json": [SECRET, 1]}),
    ]

    found = NET.data(notebook)

    assert "4711" not in nbformat.writes(found)
    assert isinstance(found, nbformat.NotebookNode)
    assert isinstance(found.cells[0].outputs[0], nbformat.NotebookNode)
    assert 1 == found.cells[0].outputs[2].data["application/json"][1]


def test_every_secret_of_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever is typed as a secret is known, also as it goes into a header."""
    without_configuration(monkeypatch, tmp_path)
    monkeypatch.setenv("RUNBOOK_PROFILE", "live")
    names = [name for kind in (Settings, JobSettings) for name, field in kind.model_fields.items() if _is_secret(field)]
    given_values = {name: f"NAME=canary-{name}" if "cookie" in name else f"canary-{name}" for name in names}
    for name, value in given_values.items():
        monkeypatch.setenv(f"RUNBOOK_{name.upper()}", value)
    monkeypatch.setenv("RUNBOOK_ZENDESK_EMAIL", "grace@support.example")

    net = Redactor.of_environment()

    of_runs = [value for name, value in given_values.items() if name in Settings.model_fields]
    assert len(of_runs) >= 6
    for value in of_runs:
        assert "canary" not in net.text(f"x {value} y")
    header = base64.b64encode(f"grace@support.example/token:{given_values['zendesk_api_token']}".encode()).decode()
    assert header not in net.text(f"Basic {header}")
    assert "canary" not in net.text("canary-customersdot_cookie")


def _is_secret(field: object) -> bool:
    return "SecretStr" in str(getattr(field, "annotation", ""))
