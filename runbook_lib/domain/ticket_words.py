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
_WORKS = (
    rf"\bstill works?\b|\bstill working\b|\bnot (?:yet )?(?:in )?{_READ_ONLY}|"
    r"\b(?:will|would|going to|about to|soon) (?:soon )?(?:be|become|go|turn|switch|change|get|fall)\w*(?: (?:in)?to)? "
    rf"{_READ_ONLY}(?! until)|\b(?:before|until) (?:it|everything|we|our|the)(?: \w+)? (?:is|are|becomes?|goes|turns?|"
    rf"gets?|switches) {_READ_ONLY}|(?<!has )(?<!have )(?<!had )\bbecom(?:es?|ing) {_READ_ONLY}|"
    r"\byou will not (?:to )?be able to\b.*"
)
"""What is no word of trouble, so that the rest of its sentence is judged without it: *it will be read-only*.

The last one is from GitLab's own warning. Source: GitLab, `expiring_subscription_message.rb`.
"""
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
_READ_ONLY_ABROAD = (
    "schreibgesch|lesemodus|nur[- ]?lese|nur noch les|lecture seule|s[oó]lo[- ]lectura|sola lettura|"
    "(?:somente|apenas|só (?:de|para))[- ]leitura|só de leitura|alleen[- ]lezen|tylko do odczytu|salt okunur|"
    "только (?:для )?чтени|读取专用|只读|唯讀|読み取り専用|リードオンリー|읽기 전용|skriv[^ ]{0,4}sky|vain luku|"
    "csak olvashat|írásvédett|doar citire|(?:pouze|jen) pro čtení|(?:iba|len) na čítanie|samo za (?:čitanje|branje)|"
    "hanya[- ]baca|chỉ đọc|ανάγνωση|(?:лише|тільки) для читання|само за четене|للقراءة فقط|فقط خواندنی|לקריאה בלבד|"
    "อ่านอย่างเดียว|केवल पढ़ने|només (?:de )?lectura"
)
_DENIED_ABROAD = (
    r"\b(?:nichts?|keine?[nrms]?|niemand|niets?|geen|nie|nikt|nelze|nem|inte|ikke|ingen|não|nunca|ninguém|nenhum\w*)\b|"
    r"\b(?:nadie|nada|ninguno?|niente|nessuno|не|нет|нельзя|никто|ничего|няма|değil|yok)\b|"
    r"\bn(?:e |')[^.]{0,30}\b(?:pas|plus|rien)\b|\brien ne\b|personne ne|plus personne|"
    r"\bno[ns]? (?:se |si |nos |ci |me |mi )?(?:pued|pod|deja|func|funz|perm|acept|accett|può|va|ri[ue]sc)|"
    "невозм|ない|なく|ません|不|无|無|没|未|없|않|못|안 [됩되돼]|[ae]m[ıi]yor|çalışm"
)
"""Any negation: in a language that is hardly known here, a person has to read what is denied."""
_FAILED_ABROAD = (
    "abgelehnt|gesperrt|blockier|ungültig|verweiger|verworfen|(?<!emp)fehl|alles steht|steht still|bloqu|refus[eé]|"
    r"rejet|figé|erreur|rechaz|inv[aá]lid|\bparad[oa]|rejeit|recus|rifiut|bloccat|errore|błąd|odrzuc|ошибк|запрещ|отклон|"
    "拒|失[敗败]|エラー|止ま|错|卡|거부|거절|오류|실패|멈|virhe"
)
_NOT = r"(?:\bno\b|\bnot\b|never|n't\b)"
_WHAT = (
    "(?:push|merg|commit|writ|deploy|upload|install|activat|accept|allow|work|cover|licen[sc]e|renewal|"
    r"\b(?:key|code)\b)"
)
_NO_PEOPLE = r"(?! (?:\w+ )?(?:users?|seats?|people|developers?|licen))"
_TROUBLE = re.compile(
    rf"{_READ_ONLY}|\berror|\b[45][0-9][0-9]\b{_NO_PEOPLE}|\bdown\b|fail|can ?not|can'?t\b|unable|impossible|"
    "possible any|denied|declin|forbid|permission|nothing|nobody|no one|happened|(?<!un)locked|stuck|froze|"
    r"gr[ea]yed|disabl|refus|reject|invalid|exceed|downgrad|\blost\b|stopped|no longer|\bblock|\bbreak|bounce|"
    r"\bdie[sd] (?:at|on|with)\b|complain|^not?$|only (?:view|read|look)|this licen[sc]e has already|true-?up for|"
    rf"{_NOT}[^.]{{0,40}}{_WHAT}|{_WHAT}[^.]{{0,40}}{_NOT}|"
    rf"{_READ_ONLY_ABROAD}|{_DENIED_ABROAD}|{_FAILED_ABROAD}"
)
"""Words of trouble of any kind, also GitLab's own of a license that it refuses. Source: GitLab, `license.rb`."""
_FOREIGN = re.compile(r"^[ \t]*[-_=#]{2,}[^\n]{3,80}[-_=#]{2,}[ \t]*$|^[^\n]*[:：@]", re.MULTILINE)
"""Where another mail may begin: a line between dashes, or any line with a colon or an address, as headers have."""
_SENT = r"mail|licen[sc]e|inbox|message|activation code"
_NOT_THERE = (
    r"(?:\bnot|n't|never|nothing|\bno\b|havent|hasnt|didnt|without|yet to)[^.!?\n]{0,40}"
    r"(?:rec(?:ei|ie)v|arriv|deliver|c[ao]me\b|got\b|gotten|reach|"
    r"get (?:a|an|any|the|our|licen\w*)\b(?!.*(?:work|install|accept))|"
    r"seen|see\b(?!.{0,30}\b(?:page|portal)\b)|there\b|inbox|mailbox|spam|(?:show|turn)ed up)|still missing|"
    rf"wait\w* (?:for|on) (?:\w+ )?(?:{_SENT})|where (?:is|are) (?:\w+ )?(?:{_SENT})|mail.{{0,20}}bounced|"
    rf"\bno (?:\w+ )?(?:e-)?(?:{_SENT})s?(?:$| (?:so far|yet|from|has|was|until|at all)\b)"
)
_SENT_ABROAD = "li[cz]en|лиценз|ライセンス|メール|许可证|邮件|라이선스|메일|mail|correo|courriel|lisans"
_NOT_THERE_ABROAD = (
    r"\b(?:nicht|keine?|pas|jamais|rien|no|ning[uú]n|nada|não|nenhum|non|nie|не|niet|geen)\b[^.]{0,40}"
    "(?:erhalten|kommen|gangen|troffen|postfach|reçu|parven|recib|lleg|receb|cheg|ricev|arriv|otrzym|dosta|dotar|"
    r"przysz|получ|приш|ontvangen)|wart\w+ [^.]{0,20}auf|attend\w+ (?:toujours|encore)|"
    r"(?:届|来|受け取)[^。、]{0,6}(?:ない|なく|ませ)|没有?收到|未收到|받지 못"
)
"""*License* or *mail*, and *not received*, in other languages."""
_SMALL_PRINT = r"\bin error\b|\bintended recipient|\bconfidential"
"""The foot of a mail, which speaks of mails, too."""


def says_it_works(texts: Iterable[str]) -> Answer:
    """Whether the instance still works; UNKNOWN if the words do not say.

    NO if any sentence speaks of trouble, whatever it is: few words are known here, and a person can ask. YES only in
    the sender's own plain words. What they quote or forward is older, such as GitLab's *will become read-only*. A part
    of an instance may work where the rest does not. A question says nothing.
    """
    texts = [text[:MOST_CHARS] for text in texts]
    said = (sentence for sentence in _sentences(texts) if not re.search(_SMALL_PRINT, sentence))
    if any(_TROUBLE.search(re.sub(_WORKS, " ", sentence)) for sentence in said):
        return Answer.NO
    own = _sentences(re.sub(r"[^.!?\n]*\?", " ", _own_words(text)) for text in texts)
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
    before = _FOREIGN.split(text, maxsplit=1)[0]
    return re.sub(r"(?m)^[ \t]*[>|].*$", "", before)


def _sentences(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for sentence in re.split(r"[.!?\n]+", text[:MOST_CHARS]):
            yield word_key(re.sub("[‘’´`]", "'", sentence)).strip(" ,;:")
