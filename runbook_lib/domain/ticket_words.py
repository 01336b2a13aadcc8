"""Hints in the words of a ticket: whether the instance still works, and whether the license mail has not come. Pure.

The engineer's answer overrides a hint: a wrong one leads to a needless question, or to a runbook that looks first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from runbook_lib.domain.models import Answer
from runbook_lib.domain.pasted import word_key

MOST_CHARS = 20_000
"""Only the beginning of a longer text is read."""

_READ_ONLY = r"\b(?:read[ -]*only|r/o)\b"
_ACTIONS = r"(?:push|merg|commit|writ|deploy|upload)"
_WORKS = (
    rf"\bstill works?\b|\bstill working\b|\bnot (?:yet )?(?:in )?{_READ_ONLY}|"
    r"\b(?:will|would|going to|about to|soon) (?:soon )?(?:be|become|go|turn|switch|change|get|fall)\w*(?: (?:in)?to)? "
    rf"{_READ_ONLY}(?! until)|\b(?:before|until) (?:it|everything|we|our|the)(?: \w+)? (?:is|are|becomes?|goes|turns?|"
    rf"gets?|switches) {_READ_ONLY}|(?<!has )(?<!have )(?<!had )\bbecom(?:es?|ing) {_READ_ONLY}"
)
"""It works now. A word such as *will* elsewhere in a sentence does not say so: *you will help, we are read-only*."""
_DENIED = (
    r"(?:can ?not|can'?t|unable to|nobody can|no one can|refus\w*|reject\w*|block\w*|lock\w*|stopped accepting|"
    r"(?:does not|does ?n'?t|did not|did ?n'?t|will not|wo ?n'?t|no longer) (?:accept|take|allow|install|work)\w*|"
    r"no|nothing|not possible|impossible|invalid|fail\w*)"
)
_ABROAD = "|".join(
    (
        *("schreibgesch", "lesemodus", "nur[- ]?lese", "nur noch les", "lecture seule", "s[oó]lo[- ]lectura"),
        *("sola lettura", "(?:somente|apenas|só (?:de|para))[- ]leitura", "alleen[- ]lezen", "tylko do odczytu"),
        *("salt okunur", "только (?:для )?чтени", "读取专用|只读|唯讀", "読み取り専用|リードオンリー", "읽기 전용"),
        *("abgelehnt", r"\blehnt\b", "akzeptiert[^.]{0,40}nicht", "gesperrt", "blockiert", "ungültig"),
        *("nicht (?:mehr )?(?:akzeptiert|push|schreib|installier|m[öo]glich)", "refusé", "refuse ", "rejet(?:te|é)"),
        *("bloqu[eé]", "n'accepte", "impossible de", "rechaz", "no acepta", "no (?:se )?pued", "inv[aá]lid"),
        *("rejeit", "recus", "não (?:aceita|é possível|conseg)", "rifiut", "拒否|無効|できない|できません|受け付け"),
        *("拒绝|无效|无法", "거부|거절", r"skriv\w{0,4}sky", "vain luku", "csak olvashat", "írásvédett", "doar citire"),
        *(
            "(?:pouze|jen) pro čtení",
            "(?:iba|len) na čítanie",
            "samo za (?:čitanje|branje)",
            "hanya[- ]baca",
            "chỉ đọc",
        ),
        *("ανάγνωση", "(?:лише|тільки) для читання", "само за четене", "للقراءة فقط", "فقط خواندنی", "לקריאה בלבד"),
        *("อ่านอย่างเดียว", "केवल पढ़ने", "només (?:de )?lectura", "hanya[- ]baca", "chỉ đọc"),
    )
)
"""*Read-only*, *rejected* and *cannot push* in other languages that tickets come in."""
_WHAT = r"(?:push|merg|commit|writ|deploy|upload|install|activat|licen[sc]e|renewal|\bkey\b)"
_FAILED = (
    r"(?:refused|rejected|blocked|disabled|denied|invalid|fail\w*|no longer|not (?:accepted|allowed|possible|working)|"
    r"possible any ?more)"
)
_NEGATED = r"(?:not|never|(?:do|does|did|is|are|was|were|has|have|wo)n'?t)"
_BLOCKED = (
    rf"{_READ_ONLY}|(?<!un)\blocked\b|\b{_DENIED}\b[^.]{{0,40}}{_WHAT}|{_WHAT}\w*[^.]{{0,40}}\b{_FAILED}\b|"
    rf"\bnot (?:\w+ ){{0,2}}{_ACTIONS}|{_ACTIONS}\w*(?: \w+){{0,2}} {_NEGATED}\b|\b(?:no longer|stopped) work|"
    rf"\bexceed\w* (?:this|the|your|our) licen[sc]e|licen[sc]e\w*[^.]{{0,40}}{_NEGATED} cover|" + _ABROAD
)
"""Also what GitLab says of a license for too few users. Source: GitLab, `ee/app/models/license.rb`."""
_IN_DOUBT = r"\b(?:nothing|nobody|no one|none|hardly|barely|only|except|if|whether|does|did)\b"
_FORWARDED = re.compile(
    r"^[ \t]*(?:[-_=]{2,}[^-_=\n]{3,60}[-_=]{2,}|[^\n]{0,300}\b(?:19|20)\d\d\b[^\n]{0,300}[:：])[ \t]*$"
    r"|(?:^[ \t*]*[^\W\d_][^\s:：]{0,20}(?: [^\s:：]{1,20}){0,2}[:：][^\n]*\n){3}",
    re.MULTILINE,
)
"""Where another mail begins: a line between dashes, *On ... 2026 ... wrote:*, or three lines of headers."""
_SENT = r"e-?mail|mail|license|licence|inbox|message"
_NOT_THERE = (
    r"(?:not|n't|never|nothing|no\b|haven't|hasn't|without)[^.!?\n]{0,40}"
    r"(?:receiv|arriv|c[ao]me\b|got\b|gotten|reach|seen|see\b|there\b|mail|inbox|spam)|still (?:waiting|missing)"
)


def says_it_works(texts: Iterable[str]) -> Answer:
    """Whether the instance still works; UNKNOWN if the words do not say.

    NO if any sentence says that it is read-only, takes no pushes, or has rejected a license. YES only in the sender's
    own words: what they quote or forward is older, such as GitLab's *will become read-only*.
    """
    texts = [text[:MOST_CHARS] for text in texts]
    if any(_works(sentence) is Answer.NO for sentence in _sentences(texts)):
        return Answer.NO
    own = _sentences(map(_own_words, texts))
    return Answer.YES if any(_works(sentence) is Answer.YES for sentence in own) else Answer.UNKNOWN


def says_mail_missing(texts: Iterable[str]) -> bool:
    """Whether a sentence says that a license or its mail has not come."""
    return any(re.search(_SENT, sentence) and re.search(_NOT_THERE, sentence) for sentence in _sentences(texts))


def _own_words(text: str) -> str:
    """A text without the mails that it quotes or forwards."""
    before = _FORWARDED.split(text, maxsplit=1)[0]
    return re.sub(r"(?m)^[ \t]*[>|].*$", "", before)


def _sentences(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for sentence in re.split(r"[.!?\n]+", text[:MOST_CHARS]):
            yield word_key(re.sub("[‘’´`]", "'", sentence))


def _works(sentence: str) -> Answer:
    """Words that say it works are removed first, so that the rest of the sentence is still judged."""
    rest = re.sub(_WORKS, " ", sentence)
    if re.search(_BLOCKED, rest):
        return Answer.NO
    return Answer.UNKNOWN if rest == sentence or re.search(_IN_DOUBT, rest) else Answer.YES
