"""Hints in the words of a ticket: whether the instance still works, and whether the license mail has not come. Pure.

The engineer's answer overrides a hint: a wrong one leads to a needless question, or to a runbook that looks first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from runbook_lib.domain.models import Answer

MOST_CHARS = 20_000
"""Only the beginning of a longer text is read."""

_READ_ONLY = r"read[- ]?only"
_WORKS = (
    rf"still work|not (?:yet )?{_READ_ONLY}|"
    rf"(?:will|would|soon|become\w*|going to|about to|before|until)[^.]{{0,30}}{_READ_ONLY}"
)
_DENIED = (
    r"(?:cannot|can't|can not|unable to|nobody can|no one can|refus\w*|reject\w*|block\w*|lock\w*|stopped accepting|"
    r"(?:does not|doesn't|did not|didn't|will not|won't|no longer) (?:accept|take|allow|install|work)\w*|"
    r"no|not possible|impossible|invalid|fail\w*)"
)
_ABROAD = "|".join(
    (
        *("schreibgesch", "lesemodus", "nur[- ]?lese", "nur noch les", "lecture seule", "s[oó]lo lectura"),
        *("sola lettura", "(?:somente|apenas|só (?:de|para)) leitura", "alleen[- ]lezen", "tylko do odczytu"),
        *("salt okunur", "только (?:для )?чтени", "读取专用|只读|唯讀", "読み取り専用|リードオンリー", "읽기 전용"),
        *("abgelehnt", r"\blehnt\b", "akzeptiert[^.]{0,40}nicht", "gesperrt", "blockiert", "ungültig"),
        *("nicht (?:mehr )?(?:akzeptiert|push|schreib|installier|m[öo]glich)", "refusé", "refuse ", "rejet(?:te|é)"),
        *("bloqu[eé]", "n'accepte", "impossible de", "rechaz", "no acepta", "no (?:se )?pued", "inv[aá]lid"),
        *("rejeit", "recus", "não (?:aceita|é possível|conseg)", "rifiut", "拒否|無効|できない|できません|受け付け"),
        *("拒绝|无效|无法", "거부|거절"),
    )
)
"""*Read-only*, *rejected* and *cannot push* in other languages that tickets come in."""
_WHAT = r"(?:push|merg|commit|writ|deploy|upload|install|activat|licen[sc]e|renewal|\bkey\b)"
_BLOCKED = (
    rf"{_READ_ONLY}|(?<!un)\blocked\b|\b{_DENIED}\b[^.]{{0,40}}{_WHAT}|"
    rf"{_WHAT}\w*[^.]{{0,40}}\b(?:refused|rejected|blocked|invalid|not accepted|not possible|possible any more)|"
    + _ABROAD
)
_SENT = r"e-?mail|mail|license|licence|inbox|message"
_NOT_THERE = (
    r"(?:not|n't|never|nothing|no\b|haven't|hasn't|without)[^.!?\n]{0,40}"
    r"(?:receiv|arriv|c[ao]me\b|got\b|gotten|reach|seen|see\b|there\b|mail|inbox|spam)|still (?:waiting|missing)"
)


def says_it_works(texts: Iterable[str]) -> Answer:
    """Whether the instance still works; UNKNOWN if the words do not say.

    NO if any sentence says that it is read-only, takes no pushes, or has rejected a license.
    """
    found = {_works(sentence) for sentence in _sentences(texts)}
    return next((answer for answer in (Answer.NO, Answer.YES) if answer in found), Answer.UNKNOWN)


def says_mail_missing(texts: Iterable[str]) -> bool:
    """Whether a sentence says that a license or its mail has not come."""
    return any(re.search(_SENT, sentence) and re.search(_NOT_THERE, sentence) for sentence in _sentences(texts))


def _sentences(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for sentence in re.split(r"[.!?\n]+", text[:MOST_CHARS]):
            yield sentence.casefold().replace("’", "'")


def _works(sentence: str) -> Answer:
    """Words that say it works are removed first, so that the rest of the sentence is still judged."""
    rest = re.sub(_WORKS, " ", sentence)
    if re.search(_BLOCKED, rest):
        return Answer.NO
    return Answer.UNKNOWN if rest == sentence else Answer.YES
