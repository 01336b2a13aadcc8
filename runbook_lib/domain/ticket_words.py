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
"""What is no word of trouble, so that the rest of its sentence is judged without it: *it will be read-only*."""
_WHOLE = (
    r"(?:(?:our|the|this|whole|entire|production|self[- ]managed) )*"
    r"(?:it|everything|all|we|gitlab|instance|server|system)(?: (?:instance|server|system))?(?: (?:is|are)|'s|'re)?"
)
_FINE = (
    "fine|ok|normally|yet|now|so far|for now|at the moment|but soon|"
    r"but (?:i'?m|i am|we'?re|we are) (?:worried|afraid)\b.*"
)
_WHEN = r"next \w+|tomorrow|but soon|soon|in [0-9]+ (?:hour|day|week)s?|on (?:\w+day|(?:the )?[0-9][\w /-]*|\w+ [0-9]+)"
_STATED = re.compile(
    rf"(?:(?:so far|for now|at the moment|luckily|yes|and),? )?{_WHOLE} "
    rf"(?:(?:still work(?:s|ing)?|not (?:yet )?(?:in )?{_READ_ONLY}(?: mode)?)(?:,? (?:{_FINE}))*|"
    r"(?:(?:will|going to|about to) (?:soon )?(?:be|become|go|turn|switch|change|get|fall)(?: (?:in)?to)?|becomes)"
    rf" {_READ_ONLY}(?: mode)?(?:,? (?:{_WHEN}))*)"
    r"|[^,;]{0,200}\b(?:please|need)\b[^,;]{0,200}\b(?:before|until) "
    rf"{_WHOLE} (?:becomes |goes |turns )?{_READ_ONLY}"
)
"""A whole sentence that says of the whole instance that it works. With any other word it may say something else."""
_TROUBLE = re.compile(
    r"\berror|\b[45][0-9][0-9]\b|\bdown\b|fail|can ?not|can't|unable|denied|declin|forbid|nothing|nobody|no one|"
    r"happened|locked|stuck|\b(?:do|does|did|is|are|wo)(?: not|n't) work|no longer"
)
"""In another sentence, words that make one doubt that it works."""
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
        *("(?:pouze|jen) pro čtení", "(?:iba|len) na čítanie", "samo za (?:čitanje|branje)"),
        *("ανάγνωση", "(?:лише|тільки) для читання", "само за четене", "للقراءة فقط", "فقط خواندنی", "לקריאה בלבד"),
        *("อ่านอย่างเดียว", "केवल पढ़ने", "només (?:de )?lectura", "hanya[- ]baca", "chỉ đọc"),
    )
)
"""*Read-only*, *rejected* and *cannot push* in other languages that tickets come in."""
_PUSH = r"(?:push|pouss|commit|пуш|푸시|プッシュ|推送|subir cambios)"
_NO = (
    r"(?:\b(?:nicht|keine?|pas|plus|no|nie|не|niet|non|não|error|erreur|errore|fout)\b|"
    "declin|forbid|verweiger|fehler|błąd|ошибк|안 [됩되돼]|不能)"
)
"""*Push* and *not* as they stand in a sentence of those languages, in either order."""
_WHAT = r"(?:push|merg|commit|writ|deploy|upload|install|activat|licen[sc]e|renewal|\bkey\b)"
_FAILED = (
    r"(?:refused|rejected|blocked|disabled|denied|invalid|fail\w*|no longer|not (?:accepted|allowed|possible|working)|"
    r"possible any ?more)"
)
_OF_GIT = (
    r"remote rejected|hook declined|failed to push|true-?up for|"
    rf"\b40[13]\b[^.]{{0,40}}{_WHAT}|{_WHAT}[^.]{{0,40}}\b40[13]\b"
)
"""What git says when an instance takes no push, and GitLab of a renewal that lacks users."""
_NEGATED = r"(?:not|never|(?:do|does|did|is|are|was|were|has|have|wo)n'?t)"
_BLOCKED = (
    rf"{_READ_ONLY}|(?<!un)\blocked\b|\b{_DENIED}\b[^.]{{0,40}}{_WHAT}|{_WHAT}\w*[^.]{{0,40}}\b{_FAILED}\b|"
    rf"\bnot (?:\w+ ){{0,2}}{_ACTIONS}|{_ACTIONS}\w*(?: \w+){{0,2}} {_NEGATED}\b|\b(?:no longer|stopped) work|"
    r"\bnothing works\b|\b(?:gitlab|instance|server|system|it) (?:is|went) (?:completely )?down\b|"
    rf"\bexceed\w* (?:this|the|your|our) licen[sc]e|licen[sc]e\w*[^.]{{0,40}}{_NEGATED} cover|{_OF_GIT}|"
    rf"{_PUSH}[^.]{{0,40}}{_NO}|{_NO}[^.]{{0,40}}{_PUSH}|" + _ABROAD
)
"""Also what GitLab says of a license for too few users. Source: GitLab, `ee/app/models/license.rb`."""
_FORWARDED = re.compile(
    r"^[ \t]*(?:[-_=]{2,}[^-_=\n]{3,60}[-_=]{2,}|[^\n]{0,300}\b(?:19|20)\d\d\b[^\n]{0,300}[:：])[ \t]*$"
    r"|(?:^[ \t*]*[^\W\d_][^\s:：]{0,20}(?: [^\s:：]{1,20}){0,2}[:：][^\n]*\n){3}",
    re.MULTILINE,
)
"""Where another mail begins: a line between dashes, *On ... 2026 ... wrote:*, or three lines of headers."""
_SENT = r"mail|licen[sc]e|inbox|message|activation code"
_NOT_THERE = (
    r"(?:\bnot|n't|never|nothing|\bno\b|havent|hasnt|didnt|without|yet to)[^.!?\n]{0,40}"
    r"(?:rec(?:ei|ie)v|arriv|deliver|c[ao]me\b|got\b|gotten|get (?:a|an|any|the|our)\b(?!.*(?:work|install|accept))|"
    r"reach|seen|see\b(?!.{0,30}\b(?:page|portal)\b)|there\b|inbox|spam)|still (?:waiting|missing)|mail.{0,20}bounced"
)
_SENT_ABROAD = "li[cz]en|лиценз|ライセンス|メール|许可证|邮件|라이선스|메일|mail|correo|courriel|lisans"
_NOT_THERE_ABROAD = (
    r"\b(?:nicht|keine?)\b[^.]{0,40}(?:erhalten|bekommen|gekommen)|\b(?:pas|jamais)\b[^.]{0,20}reçu|"
    r"\bno\b[^.]{0,20}(?:recib|lleg)|\bnão\b[^.]{0,20}(?:receb|cheg)|\bnon\b[^.]{0,20}(?:ricev|arriv)|"
    r"\bnie\b[^.]{0,20}(?:otrzym|dosta|dotar|przysz)|\bне\b[^.]{0,20}(?:получ|приш)|\bniet\b[^.]{0,20}ontvangen|"
    "届(?:かな|きませ|いていませ|いてな|いておりませ)|没有?收到|未收到|받지 못"
)
"""*License* or *mail*, and *not received*, in other languages."""
_SMALL_PRINT = r"\bin error\b|\bintended recipient|\bconfidential"
"""The foot of a mail, which speaks of mails, too."""


def says_it_works(texts: Iterable[str]) -> Answer:
    """Whether the instance still works; UNKNOWN if the words do not say.

    NO if any sentence says that it is read-only, takes no pushes, or has rejected a license. YES only in the sender's
    own plain words. What they quote or forward is older, such as GitLab's *will become read-only*. A part of an
    instance may work where the rest does not. A question says nothing.
    """
    texts = [text[:MOST_CHARS] for text in texts]
    if any(re.search(_BLOCKED, re.sub(_WORKS, " ", sentence)) for sentence in _sentences(texts)):
        return Answer.NO
    own = list(_sentences(re.sub(r"[^.!?\n]*\?", " ", _own_words(text)) for text in texts))
    if any(map(_TROUBLE.search, own)):
        return Answer.UNKNOWN
    return Answer.YES if any(map(_STATED.fullmatch, own)) else Answer.UNKNOWN


def says_mail_missing(texts: Iterable[str]) -> bool:
    """Whether a sentence says that a license or its mail has not come."""
    pairs = ((_SENT, _NOT_THERE), (_SENT_ABROAD, _NOT_THERE_ABROAD))
    return any(
        re.search(sent, sentence) and re.search(not_there, sentence) and not re.search(_SMALL_PRINT, sentence)
        for sentence in _sentences(texts)
        for sent, not_there in pairs
    )


def _own_words(text: str) -> str:
    """A text without the mails that it quotes or forwards."""
    before = _FORWARDED.split(text, maxsplit=1)[0]
    return re.sub(r"(?m)^[ \t]*[>|].*$", "", before)


def _sentences(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for sentence in re.split(r"[.!?\n]+", text[:MOST_CHARS]):
            yield word_key(re.sub("[‘’´`]", "'", sentence)).strip(" ,;:")
