"""A cheap look says whether letters may hold a piece of a license; what it passes over holds none."""

from __future__ import annotations

import base64
import codecs
import hashlib
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.domain import base64_pieces, envelopes
from tests.wrappings import EXAMPLES, LICENSES, WRAPPINGS

FIELD = Path(__file__).parents[1] / "data" / "field"
TEXT = (FIELD / "no-plan-starter.gitlab-license").read_text()
DIGESTS = [hashlib.sha512(b"%d" % number).hexdigest() for number in range(200)]


@EXAMPLES
@given(text=LICENSES, cut=st.tuples(st.integers(0, 2500), st.integers(0, 2500)), letter=st.sampled_from("?#I1aQ"))
def test_every_piece_that_is_found_may_be_one(text: str, cut: tuple[int, int], letter: str) -> None:
    """Cut anywhere, also with a letter replaced wherever it stood."""
    start, end = sorted(cut)
    for piece in (text[start:end], text.replace(text[1000], letter)[start:end]):
        if envelopes.material(piece):
            assert base64_pieces.may_be_material(base64_pieces.base64_letters(piece))


@pytest.mark.parametrize("name", ["as written", "quoted", "hex", "hex with dashes", "bytea of psql"])
def test_a_license_may_be_one(name: str) -> None:
    assert base64_pieces.may_be_material(base64_pieces.base64_letters(WRAPPINGS[name](TEXT)))


def test_boundary_lines_and_a_decoded_license_may_be_one() -> None:
    for text in (f"BEGIN GITLAB LICENSE {'A' * 40} END GITLAB LICENSE", '{"data": "x", "key": "y", "iv": "z"}'):
        assert base64_pieces.may_be_material(base64_pieces.base64_letters(text))


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(random.Random(1).randbytes(200_000)).decode(),
        "\n".join(DIGESTS),
        "".join(DIGESTS).upper(),
        "".join(f"{20 + number % 60} " for number in range(9_999)),
        "The ticket's license ran out at the weekend, and nobody is there. " * 999,
    ],
    ids=["image", "digests", "one long digest", "numbers", "words"],
)
def test_what_holds_no_license_is_passed_over(text: str) -> None:
    """Also backwards and in ROT13: each of them would be searched in full otherwise."""
    letters = base64_pieces.base64_letters(text)
    for turned in (letters[::-1], codecs.encode(letters, "rot13")):
        assert not base64_pieces.may_be_material(turned)
