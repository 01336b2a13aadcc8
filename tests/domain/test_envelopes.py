"""Licenses are found in every wrapping, and nothing of them is left where they are taken out."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.domain import envelopes, license
from tests.wrappings import EXAMPLES, LICENSES, SEEN_THROUGH, WRAPPINGS, body_of, license_text, runs_of

FIELD = Path(__file__).parents[1] / "data" / "field"
TEXT = (FIELD / "no-plan-starter.gitlab-license").read_text()
BARE = (FIELD / "short-plain.gitlab-license").read_text()
KEY = license.load_public_key((FIELD / "public.pem").read_bytes())


# -- finding


@pytest.mark.parametrize("name", SEEN_THROUGH)
def test_a_wrapped_license_is_found_whole(name: str) -> None:
    """Its Base64 comes out as it went in, whatever stands around it."""
    for text in (TEXT, BARE):
        (found,) = envelopes.locate(f"Hello, this is our license:\n{WRAPPINGS[name](text)}\nBest regards, Kim")
        assert (body_of(text), True) == (found.body, found.is_whole)


@pytest.mark.slow
@EXAMPLES
@given(text=LICENSES, name=st.sampled_from(SEEN_THROUGH), before=st.text(max_size=30), after=st.text(max_size=30))
def test_any_license_is_found_in_any_wrapping(text: str, name: str, before: str, after: str) -> None:
    """Also with any words before and after it."""
    found = envelopes.locate(f"{before}\n{WRAPPINGS[name](text)}\n{after}")
    assert [body_of(text)] == [envelope.body for envelope in found]


@pytest.mark.parametrize("offset", [0xFEE0, 0x1D400 - 0x41, 0x1D670 - 0x41], ids=["full width", "bold", "monospace"])
def test_other_letters_of_the_same_meaning_are_seen_through(offset: int) -> None:
    """As some editors and phones replace them; what has no such letter stays."""
    letters = range(0x21, 0x7F) if offset == 0xFEE0 else (*range(0x41, 0x5B),)
    text = f"Hello,\n{TEXT.translate({code: code + offset for code in letters})}\nBye."
    assert [body_of(TEXT)] == [found.body for found in envelopes.locate(text)]
    assert "Hello,\n[license]\nBye." == envelopes.without(text)


@pytest.mark.parametrize("name", ["hexdump", "xxd", "hex", "hex with colons", "uuencode"])
def test_bytes_of_a_text_with_other_letters_are_read(name: str) -> None:
    """A name with an umlaut in the same dump, also across two of its rows."""
    for before in ("Grüße,\n", "aaaaaaaaaaaaaaaü\n", "п\n"):
        assert [body_of(TEXT)] == [found.body for found in envelopes.locate(WRAPPINGS[name](f"{before}{TEXT}\nJörg\n"))]


def test_the_found_text_is_the_gems_file() -> None:
    """With boundary lines, in lines of 60, whatever it was before."""
    assert [TEXT.rstrip()] == [found.text for found in envelopes.locate(TEXT.replace("\n", " "))]


def test_two_licenses_are_found_in_order() -> None:
    """Also back to back, and in one line."""
    for text in (f"{TEXT}\n{BARE}", f"{body_of(TEXT)}{body_of(BARE)}"):
        assert [body_of(TEXT), body_of(BARE)] == [found.body for found in envelopes.locate(text)]


@pytest.mark.parametrize("order", [("key", "iv", "data"), ("iv", "data", "key")])
def test_parts_in_another_order_are_found(order: tuple[str, ...]) -> None:
    """The order is the gem's habit, not a rule."""
    parts = json.loads(base64.b64decode(body_of(BARE)))
    text = base64.b64encode(json.dumps({name: parts[name] for name in order}, separators=(",", ":")).encode()).decode()
    assert [text] == [found.body for found in envelopes.locate(f"x\n{text}\ny")]


@pytest.mark.parametrize("layout", [{}, {"indent": 2}, {"indent": 4}, {"indent": "\t"}])
@pytest.mark.parametrize("boundary", [True, False])
def test_json_in_another_layout_is_found(layout: dict[str, Any], boundary: bool) -> None:
    """The gem reads it, and so does `license`."""
    parts = json.loads(base64.b64decode(body_of(BARE)))
    text = base64.b64encode(json.dumps(parts, **layout).encode()).decode()
    shown = f"{envelopes.boundary_line('BEGIN')}\n{text}\n{envelopes.boundary_line('END')}" if boundary else text
    (found,) = envelopes.locate(f"x\n{shown}\ny")
    assert (text, "x\n[license]\ny") == (found.body, envelopes.without(f"x\n{shown}\ny"))
    assert "2026-11-06" == str(license.read(found.text, KEY).expires_on)


@pytest.mark.parametrize("cut", [120, 700, 1300])
def test_a_license_without_its_end_is_not_whole(cut: int) -> None:
    """It is found all the same, so that the reader learns of it."""
    (found,) = envelopes.locate(f"{BARE[:cut]}\n... and so on")
    assert not found.is_whole


def test_a_missing_end_line_is_noted() -> None:
    """The license itself is whole."""
    (found,) = envelopes.locate("\n".join(TEXT.splitlines()[:-1]))
    assert (True, ("its END line is missing",)) == (found.is_whole, found.notes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The BEGIN GITLAB LICENSE line and the END GITLAB LICENSE line are missing.",
        "BEGINNING of the LICENSE",
        "eyJkYXRhIjoi",
        "eyJkYXRhIjoi is how it begins",
        "A" * 5000,
        "0123456789abcdef" * 20,
        base64.b64encode(bytes(range(256)) * 8).decode(),
        base64.b64encode(b'{"alg":"HS256","typ":"JWT"}').decode(),
    ],
    ids=range(9),
)
def test_what_is_no_license_stays(text: str) -> None:
    """Words about licenses, digests, tokens and images."""
    assert ([], text) == (envelopes.locate(text), envelopes.without(text))


# -- taking out


@pytest.mark.parametrize("name", WRAPPINGS)
def test_nothing_of_a_wrapped_license_is_left(name: str) -> None:
    """The words around it stay."""
    for text in (TEXT, BARE):
        shown = envelopes.without(f"Hello, this is our license:\n{WRAPPINGS[name](text)}\nBye.")
        assert [] == runs_of(body_of(text), shown)
        assert shown.startswith("Hello, this is our")
        assert shown.endswith("Bye.")


@EXAMPLES
@given(
    text=LICENSES, name=st.sampled_from(sorted(WRAPPINGS)), cut=st.tuples(st.integers(0, 2500), st.integers(0, 2500))
)
def test_nothing_of_any_cut_license_is_left(text: str, name: str, cut: tuple[int, int]) -> None:
    """A piece from anywhere in it, in any wrapping, cut before it was wrapped or afterwards."""
    start, end = sorted(cut)
    for piece in (WRAPPINGS[name](text[start:end]), WRAPPINGS[name](text)[start:end]):
        assert [] == runs_of(body_of(text), envelopes.without(f"a\n{piece}\nb"))


@EXAMPLES
@given(text=LICENSES, name=st.sampled_from(sorted(WRAPPINGS)), at=st.integers(0, 2500), put=st.text(max_size=8))
def test_nothing_of_a_damaged_license_is_left(text: str, name: str, at: int, put: str) -> None:
    """Characters put in its middle, or in place of one, spoil it and hide nothing."""
    damaged = text[:at] + put + text[at + 1 :]
    assert [] == runs_of(body_of(text), envelopes.without(WRAPPINGS[name](damaged)))


@pytest.mark.parametrize("words", ["man3/remainder.3\n ", "src/ComputeTotal2.cc "])
def test_base64_of_words_is_no_license(words: str) -> None:
    """Nor are the words themselves, or a table of codes."""
    for text in (words * 40, base64.b64encode((words * 40).encode()).decode()):
        assert text == envelopes.without(text)


@EXAMPLES
@given(st.text())
def test_other_text_is_the_same_afterwards(text: str) -> None:
    """Nothing is touched that is not of a license."""
    assert text == envelopes.without(text)


# -- time

LONG = 200_000
ADVERSARIAL = {
    "heads": "eyJkYXRhIjoi",
    "BEGIN lines": "BEGIN GITLAB LICENSE\n",
    "boundary pairs": "BEGIN LICENSE AAAA END LICENSE ",
    "ampersands": "&amp;",
    "open tags": "<a ",
    "soft line breaks": "=\n",
    "END": "END",
    "zero width": "\u200b",
    "hex": "2d",
    "hex in pairs": "2d ",
    "hex and words": "2d 2d2d2d g",
    "rows of a dump": "00000000: 2d2d 2d2d  ----\n",
    "rows of a dump without an end": "00000000  2d 2d ",
    "backslashes": "\\",
    "uuencode": "begin 644 x\nM\n",
    "numbered lines": "1: 2\n",
    "long lines": "eyJkYXRhIjoi" + "A" * 50 + " x\n",
    "short runs": base64.b64encode(b"aaaaaaaaaaa\0").decode(),
}
AROUND = {"BEGIN lines": ("", "END GITLAB LICENSE"), "END": ("BEGINLICENSE", "")}


def adversarial(name: str, length: int) -> str:
    """A text that a careless search would go over again and again."""
    before, after = AROUND.get(name, ("", ""))
    return before + ADVERSARIAL[name] * (length // len(ADVERSARIAL[name])) + after


@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_a_long_text_is_searched_in_linear_time(name: str) -> None:
    """What grows with the square of the text would take minutes already here."""
    text = adversarial(name, LONG)
    assert len(envelopes.without(text)) <= len(text)


def test_a_license_in_a_long_text_is_found() -> None:
    """In the middle of words."""
    text = "nothing to see here " * 5_000
    (found,) = envelopes.locate(text + BARE + text)
    assert body_of(BARE) == found.body
    assert text[:-1] == envelopes.without(text + BARE + text)[: len(text) - 1]


def test_an_envelope_never_shows_itself() -> None:
    """Not in a repr, which a traceback may hold."""
    (found,) = envelopes.locate(TEXT)
    assert [] == runs_of(body_of(TEXT), repr(found))
    assert license_text(b"x" * 400, b"y" * 256, b"z" * 16, boundary=True).startswith("-")
