"""Whether a ticket's words say that the license, or the mail with it, has not come. Pure.

A wrong hint leads to a runbook that looks first; the engineer's answer overrides it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from runbook_lib.domain.sentences import CLAUSE, DENIED, HYPOTHETICAL, MOST_CHARS, PAPERWORK, sentences_of, words_of

_SENT = (
    r"mail|li[cz]en|\blic\b|inbox|message|\ba[ck]{0,2}ti[vw](?:atio|aci|aç|ierung|azion|ering|asyon)|\bkey\b|schlüssel|"
    r"\bclé\b|\bclave\b|\bchave\b|\bchiave\b|sleutel|klucz|ключ|лиценз|激活|アクティベ|"
    r"\bsuccessor\b|\breplacement\b|\bnew one\b|\bla nueva(?! \w)|\bquella nuova\b|\blisen[cs]|"
    r"\bactivat?on|ライセンス|メール|"
    r"许可证|邮件|라이선스|메일|correo|courriel|lisans|lisens|письм"
)
_COMES = (
    r"rec(?:ei|ie|i|e)v|arriv|deliver|made it|appear|zugestellt|(?:get|got|getting|come|came) through|seeing|locate\b|"
    r"in (?:either|neither)\b|c[ao]me\b|got\b|gotten|reach|been sent|given\b|sent to (?:me|us|my|our)\b|"
    r"land|(?:show|turn)(?:ed|n)? up|saw\b|"
    r"seen|\bt?here\b|inbox|mailbox|spam|among|(?:was|were|is|nothing) attached|"
    r"see\b(?!.{0,30}\b(?:page|portal|area|instance|problem|error)\b)|"
    r"f(?:i|ou)nd\b(?!.{0,30}\b(?:page|button)\b| where| how)|"
    r"(?:get|had|getting) (?:a|an|any|the|our|it|one|licen\w*)\b(?!.*(?:work|install|accept|done|problem|issue))|"
    r"fått|fick|modtag|mottat|kommit|kommet|saane|kaptuk|primit|"
    r"erhalten|kom+en|gangen|troffen|postfach|reçu|parven|recib|lleg|receb|cheg|ricev|otrzym|dosta|dotar|przysz|"
    r"получ|приш|присл|ontvangen|binnen"
)
_AGAIN_PLEASE = r"(?:again|once more|erneut|noch ?mals?|de nouveau|de nuevo|di nuovo|de novo|ещё раз)"
_SEND = r"(?:send|(?:e-?)?mail|schick|sende|envoy|envi|invi|mand)\w*"
_STILL_NO = (
    r"noch (?:immer )?keine?n?|toujours (?:pas (?:de|la)|aucune?)|n'avons toujours pas (?:la|de)|(?:aún|todavía) no "
    r"ten(?:go|emos)(?: la)?|ancora nessuna?|ainda não ten(?:ho|mos)(?: a)?|(?:nog )?(?:steeds|altijd)? ?geen|sigo sin"
)
_NO_MAIL = r"aucun|pas de|nessuna?|nenhum|keine?n?|ning[uú]n|geen|žádný|ingen|brak"
_SEES = (
    r"trouv|voi[st]|voyons|encuentr|encontr|ve(?:o|mos)\b|trov|ved(?:o|iamo)\b|vejo|zie\b|zien|vind|sehe|widz|mam\b|"
    r"znale|вижу|най[тд]"
)
_ABROAD = (
    rf"\b(?:{_STILL_NO}) (?:{_SENT})|\b(?:{_NO_MAIL}) (?:e-?)?(?:mail|correo|courriel)\b.{{0,60}}li[cz]en|"
    rf"(?:{DENIED})[^.]{{0,20}}\b(?:{_SEES})[^.]{{0,30}}(?:mail|correo|courriel|skrzyn|почт)|"
    r"(?:kam|kommt) (?:\w+ )?(?:nie|nicht)\b|nadal nie|(?:письма|лицензии) .{0,20}нет|nedosta|nepřiš|nedoraz|"
    r"見つか[りら][^。]{0,3}(?:ません|ない)|没(?:有?看)?到|找不到|안 왔|오지 않|메일이 없"
)
"""That a license mail has not come, is not found or not seen, where that is said in another order than in English."""
_FILES = (
    r"(?:the |our |my |your |any |an? )?(?:[\w-]{1,30} ){0,2}?(?:li[cz]en\w{0,20}|activation code|key)"
    r"(?: (?:file|key|code|mail|e-?mail))?(?: itself)?"
)
"""A license, by the name of what it comes as."""
_NOT_THERE = (
    rf"{_ABROAD}|"
    r"\b(?:nothing|none|(?:no|zero) (?:message|mail|e-?mail)s?)\b[^.]{0,40}\b(?:from (?:you|gitlab)|with|containing)\b|"
    rf"\b(?:lacks?|has no|holds no|contains no) {_FILES}\b|"
    rf"\b(?:do|does) ?(?:not|n't)(?: yet| still| even)? (?:have|hold|possess) (?=the |our |my ){_FILES}"
    r"(?: yet| from you| so far| for [^,;]{1,60})*$|"
    rf"\b(?:are|am|sit\w*)(?: here)? (?:still )?with(?:out| no) {_FILES}|"
    rf"\bnobody\b[^.]{{0,20}} (?:has|holds) {_FILES}|\bnot in our hands\b|"
    rf"(?:{DENIED}|havent|hasnt|didnt|without|yet to|fail\w* to)[^.]{{0,40}}(?:{_COMES})|no (?:sign|trace) of|"
    rf"reçu aucun|\bfehlt|\bmanque|\bfalta\b|\bmanca\b|ontbreekt|brakuje|(?:did|has|was)(?: not|n't)$|"
    r"nowhere|nulle part|ningún lado|nirgends|nergens|\bre-?send|renvoy|reenvi|\bfinden?\b.*\bnicht\b|再送|再发|"
    rf"\b{_SEND}\b.{{0,30}}\b{_AGAIN_PLEASE}\b|\b{_AGAIN_PLEASE} (?:\w+ )?{_SEND}|"
    r"(?:mail|attach|message|licen[sc]e).{0,40}"
    r"\b(?:missing|lost|deleted|bounced|undeliver\w*|astray|swallowed|c[ao]me back)\b|\b(?:lost|deleted)\b.{0,30}mail|"
    r"\bmissing (?:the|our|a|your|any) (?:\w+ )?(?:mail|li[cz]en)|"
    r"\b(?:sent|went|go(?:es|ne)?|going|mailed|addressed|delivered)\b.{0,40}\b(?:former|wrong|old) (?:\w+ )?(?:admin|"
    r"address|colleague|mail)|"
    rf"forg[eo]t\w* (?:to attach|the attachment)|\bno attachment\b.{{0,60}}\b(?:mail|li[cz]en)|"
    rf"\bmail\b.{{0,60}}\b(?:without|no) (?:\w+ )?"
    r"(?:attachment|licen)|"
    r"(?:block|reject|quarantin|held|bounc|intercept)\w*.{0,40}(?:licen\w+|key) (?:e-?mail|mail|attachment|file)|"
    r"(?:licen\w+|key) (?:e-?mail|mail|attachment).{0,40}(?:block|reject|quarantin|held (?:back|up)|bounc|intercept|"
    r"caught)|"
    rf"wait\w*(?: \w+){{0,4}} (?:for|on) (?:[\w-]+ ){{0,3}}(?:{_SENT})|"
    r"\b(?:where(?: is| are|'s)|wo (?:ist|bleibt)|où est|dónde está|dov'è|waar (?:is|blijft)|gdzie jest|где) (?:\w+ )?"
    rf"(?:{_SENT})|^ ?(?:still |but |so far )*no (?:\w+ )?(?:e-?)?(?:{_SENT})\w*(?: code)?$|"
    rf"\bno (?:\w+ )?(?:e-?)?(?:{_SENT})\w*(?: code)?(?: (?:so far|yet|from|has|was|until|at all)\b)|"
    r"(?:attachment|licen[sc]e|\bkey)\b.{0,30}(?:\bempty|removed|stripped|quarantin|filtered)|(?:inbox|mailbox|"
    r"folder) is (?:still )?empty|(?:removed|deleted|stripped) (?:\w+ ){0,2}attachment|\bwart(?:e|en|et)\b|attend(?:s|"
    r"ons)?\b|esperando|sin recibir|à espera|aguardando|aspett(?:o|iamo|ando)|\bwacht(?:en)?\b|czekamy|жд[уеё]|gelmedi|"
    r"ulaşmadı|"
    r"alamad|almad|待って|等|(?:届|来|受け取|受信)[^。、]{0,6}(?:ない|なく|ませ)|没有?收到|未收到|"
    r"没有?发[到过来]|도착하지|neobdrž|받지 못|못 받"
)
_NOTHING = words_of("nothing not never t none no rien nichts nada niente nulla nic niets")
_NOT_IT = _NOTHING | words_of(
    """
    but no and so still far yet since i we you it they that this them anything us me is are isn aren was wasn were weren
    have haven has hasn had hadn did didn do don ve got get received receive see seen find found arrived arrive came
    come reached reach showed show up here there in my our the spam junk inbox mailbox folder today until noch bisher
    bisher bekommen erhalten reçu recibido ricevuto one day to had given such mail email replacement successor delivered
    any turned of course pour le moment encore toujours non è arrivato ancora ho abbiamo hemos ha llegado todavía nie
    jsme nedostali nedostal nepřišlo nedorazilo dostaliśmy dostałem przyszło dotarło nous n avons não
    recebemos recebi chegou ontvangen
    """
)
"""Words of which a clause consists that says that something has not come, which is named near it; one of the first."""
NEAR_CHARS = 200
"""How far before it is looked for."""
_MAIL = r"e-?mails?|mails?|messages?|correos?|courriels?"
_OTHER_MAIL = re.compile(
    r"(?:\b\w+[- ])?\b(?!(?:an?|the|our|your|my|this|that|its?|any|no|zero|every|one|new|latest|last|first|single|"
    r"promised|announced|automatic|emergency|trial|temporary|weekend|activat\w*|product|gitlab|subscription|renewal|renewed|"
    r"li[cz]en\w*|by|via|per|with|without|in|of|for|from|and|or|to|through|as|e|have|has|got|get|gotten|receive[ds]?|"
    r"receiving|see|seen|find|found|send|sent|not|yet|ever|un|une|le|la|el|il|lo|o|um|uma|mi|mon|notre|nuestro|ningún|"
    rf"aucun|der|die|das|den|eine?|keine?|per|via|por|par|pas|de|du|del|met|geen|nessuna|pela|key|mail|"
    rf"e-mail|(?:dotar|przysz|nedo|nepřiš|приш)\w*)\b)\w+[- ]"
    rf"(?:{_MAIL}|(?<!activation )codes?(?: (?:{_MAIL}))?|keys?)\b"
    r"(?: [^.,;]{0,30}\b(?:by|via|to) (?:our |my |any )?(?:e-?mail|mail(?:box(?:es)?)?|inbox(?:es)?)\b(?! with))?"
    r"(?: (?:by|via|per|in) (?:an? )?(?:e-?mail|sms))?(?: for (?:the |our |my |your )?(?!li[cz]en)\w+(?: (?:portal|"
    r"account))?)?"
    r"|\b(?!li[cz]en|e-?mail|lic-)(?:\w+-)?\w{4,}(?<!lizenz)(?<!licentie)mails?\b"
    r"|\b(?:e-?mails|mails|messages|(?:send|get|gets|receive) e?-?mail)\b(?!.{0,200}(?:li[cz]en|\bfrom you\b|\bkey\b))"
)
"""A mail, a key or a code that is another than the license's, by the word before it, or one of many."""
_COUNTED = re.compile(r"\b[0-9]+ (?:\w+ )?(?:li[cz]en\w+(?: seats?)?|seats?)")
"""Licenses that are seats."""
_NOT_ASKED = re.compile(
    r"\b(?:do|does|did)(?: not|n't) (?:know|remember|recall|care|expect|think|need|want)\b|\bno idea\b"
    r"|\b(?:have|had|did)(?:n't you| you (?:not|never))(?: yet| even)? (?:receiv\w*|get|got|see|seen|find|found)\b.*"
    rf"|\b(?:do|does)(?: not|n't) have {_FILES}[^,;.]{{0,20}}[,;-]+ ?(?:but )?(?:an?|the|our|my|his|her|another|only) "
    r"(?:\w+ ){1,2}(?:has|have|holds?|keeps?)\b(?! no| never|n't).*"
    r"|\b(?:will not|won't) (?:\w+ )?(?:come|arrive|be (?:sent|delivered|here))\b[^.]*"
    r"|\bplease (?:do not|don't|never) (?:\w+ )?(?:send|mail|e-?mail|forward)\b.*"
)
"""What is denied beside a license, and says nothing of its mail."""
_IN_INSTANCE = re.compile(
    r"\badmin(?:istration)?[ -](?:area|panel|page|bereich)|\bdashboard|\binstan[cz]|gitlab\.rb|\bdatabase|"
    r"\b(?:licen[sc]e|subscription) page|\bunder (?:admin|subscription|licen)|\bupload|\binstall|\brestart|\breboot|"
    r"\bupgrade|\bproject|\brepo|"
    r"\bgitlab (?:says|tells|reports|shows)|\bnodes?\b|\bmigrat|\brestor|"
    r"\bsnapshot|/etc/|\bui\b|\bmit\b|\b(?:on|from|in) (?:the|our) (?:server|gitlab|system)"
)
"""Where a license is missing that had come."""
_OF_A_MAIL = re.compile(
    rf"\b(?:{_MAIL})\b|mail\b|inbox|mailbox|postfach|spam|junk|receiv|arriv|deliver|\bsent\b|c[ao]me\b|\battach|"
    r"erhalten|bekommen|reçu|recib|ricev|receb"
)
"""Words of a license that was to come."""
_OTHER_THING = re.compile(
    rf"\b(?:(?:e-?mail|licen[sc]e|renewal|subscription|budget) ){{0,3}}(?:{PAPERWORK}|response|feedback|password|"
    r"notification|gitlab|reset|notice|warning|training|server|freigabe|genehmigung)\w*"
    rf"(?: (?:reset|{_MAIL}))*(?: (?:by|via) e?-?mail)?(?: from (?:\w+ ){{0,2}}(?:management|boss|finance|team|"
    rf"vendor|reseller))?"
    r"(?: to (?:buy|renew|purchase|order|extend) (?:\w+ ){0,2}(?:li[cz]en\w+|renewal))?"
    r"(?: (?:to|on|for) (?:my|our|this|these) (?:\w+ )?(?:e-?mails?|mails?|messages?|tickets?|requests?|questions?))?"
    r"(?: (?:for|of|about|on|zu[rm]?|für|der|des|pour|de|para|per|della|sulla|da|voor|"
    r"na|на|за|för) (?:\w+ ){0,5}(?:li[cz]en\w+|лиценз\w+|renewal))?|"
    r"(?:ライセンス|许可证|라이선스|lisans)[^。、,]{0,12}(?:見積|請求|报价|发票|견적|청구|teklif|fatura)\w*|"
    r"\byour (?:\w+ )?(?:e-?mail|message|reply|answer)\b(?! (?:with|containing))|"
    r"\b(?:e-?)?mails? (?:ha(?:s|ve) come )?from (?:our|the) (?:own )?(?:gitlab|instance|server)\b|"
    r"\be?-?mail (?:attribute|address|field|claim|not found|already|is invalid|has not been confirmed)|"
    r"\b(?:after|since|when|once|as soon as)\b[^.,;]{0,30}"
    r"(?:add|install|activat|appl|upload|enter|import)(?:i?ed|ing|e|y)?\b[^.,;]{0,30}licen\w*|"
    r"\b(?:after|since|when|once)\b[^.,;]{0,20}\blicen\w{0,20} (?:\w{1,20} ){0,2}"
    r"(?:added|installed|activated|applied|uploaded)|"
    r"\blicen[sc]e (?:(?:has|had|is|was|would|will) )?(?:expir|ran out|end|laps)\w*"
)
"""Mails about something else, and a license that had come."""
_OBJECT = re.compile(
    rf"(?:{DENIED}|havent|hasnt|didnt)[^.]{{0,20}}\b(?:receiv\w+|get|got|gotten) (?:an?|the|any|our|my|his|her|their) "
    rf"(?!(?:(?!(?:for|of|on|to|that|we|with|about|from|in|which|by)\b)[\w-]+ ){{0,4}}[\w-]*(?:{_SENT}))"
)
"""What was not received is another thing: *the discount that we were promised on the license*."""
_OVER_CLAUSES = re.compile(
    r"\b(?:mail|licen[sc]e|key|code)\b.{0,80}\b(?:sent|went|mailed|emailed)\b.{0,80}"
    r"\b(?:instead of (?:us|me)|deleted|left us|left the company)\b|"
    r"\blicen[sc]e (?:e-?)?mail\b.{0,60}\blink\b.{0,80}\b(?:expired|no longer valid|dead)\b|"
    rf"{_FILES} (?:(?:is|was|were) )?(?:missing|absent|not|not included|not contained) (?:from|in) "
    r"(?:[\w-]{1,30} ){1,3}(?:e-?mail|mail|message|confirmation)\b|"
    rf"(?:receiv\w+|\bgot\b|c[ao]me\b|arriv\w+|\bsent\b|mailed|\bis here\b|\bare here\b)[^.]{{0,80}}"
    rf"(?:[,;-]+ ?(?:and |but )?(?:just |still )?not|\b(?:except|instead of|everything but|other than)) {_FILES}$|"
    rf"(?:receiv\w+|\bgot\b|c[ao]me\b|arriv\w+|\bhere\b)[^.]{{0,60}}[,;] ?(?:but )?{_FILES} "
    r"(?:is|has|did|was)(?:n't| not)$|"
    r"(?:receiv\w+|\bgot|c[ao]me|arriv\w+|\bsent)\b[^.]{0,60}\bbut (?:not|no) (?:the |our |your |any |an? )?"
    rf"(?:\w+ )?(?:{_SENT})|\bwait\w* since (?:\w+ ){{1,3}}for (?:[\w-]+ ){{0,3}}(?:{_SENT})"
)
"""What is said over the end of a clause."""
_NOT_THE_FILE = re.compile(
    rf"(?:and |but |just |still )*not {_FILES}|"
    r"(?:and )?(?:i|we) (?:have|are) yet to (?:receive|get|see) (?:it|one|any)|"
    r"(?:he|she|they) (?:says? (?:that )?(?:he|she|they) )?(?:has|have) nothing|"
    r"(?:(?:in|our|the|my) )*(?:spam|junk|quarantine|mail)[ -]?(?:filter|log|gateway|server|folder)?s? "
    r"(?:shows?|has|have|holds?|lists?) nothing(?: at all)?(?: from (?:you|gitlab))?(?: either| too)?"
)
_NOT_A_FIGURE = re.compile(r"\b(?:not|no) [0-9]")
_SENDING = rf"{_COMES}|{_SEND}|\bsent\b|attach"
_IS_HERE = re.compile(
    r"(?:^ ?|\b(?:i|we|i've|we've|just|then|now|finally|have|already) )"
    r"(?:found|got|received|located) (?:it|them|the (?:license|key|code))\b|"
    r"\b(?:it|the (?:license|key|code)) (?:has |have )?(?:just |now |since |meanwhile |finally )*"
    r"(?:arrived|came|come)\b|\b(?:meanwhile|now|since then),? (?:it|they) ha(?:s|ve)\b|\bno need to (?:re-?)?send|"
    r"\bnever mind\b|\b(?:license|key|code|it)(?: is|'s)? (?:now )?(?:installed|in place|uploaded|applied)\b"
)
"""That it has come since."""
_QUOTED = re.compile(r"(?m)^[ \t]*(?:[>|][ \t]?)+(.*)$")
_QUOTE = "¦"
"""Stands before the words of a quoted line."""
_LONG_AGO = re.compile(
    r"\blast (?:year|time|month)\b|\b(?:two|three|some|several|[0-9]{1,2}) (?:years|months) ago\b|^in 20[0-9]{2}\b|"
    r"^first (?:we|i)\b.*\bbut\b"
)
"""Of another license, or what is over."""
_NO_NEED = re.compile(r"\bno need\b|\bnever mind\b")
_IF = re.compile(r" ?(?:if|unless|in case|wenn|falls|si|se|als|jeśli|если)\b")


def says_mail_missing(texts: Iterable[str]) -> bool:
    """Whether it is said that a license or its mail has not come, also one that was named shortly before it.

    What is said last counts: it may have come since. What is quoted only names what is spoken of.
    """
    before, is_missing = "", False
    marked = (_QUOTED.sub(_as_quoted, HYPOTHETICAL.sub(" ", text[:MOST_CHARS])) for text in texts)
    for sentence in sentences_of(marked):
        near = f"{before} {sentence}"
        is_named = bool(re.search(_SENT, sentence)) or (_is_of_license(before) and not re.search(PAPERWORK, sentence))
        before = near[-NEAR_CHARS:]
        if sentence.startswith(_QUOTE) or _LONG_AGO.search(sentence):
            continue
        clauses = re.split(CLAUSE, sentence)
        here = [at for at, one in enumerate(clauses) if _is_here(one)]
        if here:
            is_missing = any(map(_is_nothing, clauses[here[-1] + 1 :]))
        else:
            is_missing |= _is_missing(sentence) or (
                any(map(_is_nothing, clauses)) and is_named and bool(re.search(_SENDING, near))
            )
    return is_missing


def _is_of_license(before: str) -> bool:
    """Whether a license was named last, and no paperwork after it."""
    named = [[found.start() for found in re.finditer(what, before)] for what in (_SENT, PAPERWORK)]
    return bool(named[0]) and max(named[0]) > max(named[1], default=-1)


def _as_quoted(line: re.Match[str]) -> str:
    """A quoted line as one sentence, marked as such."""
    return f"{_QUOTE} {re.sub(r'[.!?。]+', ',', line[1])}"


def _is_here(clause: str) -> bool:
    return bool(_IS_HERE.search(clause)) and not re.search(DENIED, _NO_NEED.sub("", clause))


def _is_missing(sentence: str) -> bool:
    """Whether a sentence by itself says it."""
    is_in_instance = bool(_IN_INSTANCE.search(sentence))
    for clause in re.split(CLAUSE, _about_license(sentence)):
        is_denied = re.search(_SENT, clause) and re.search(_NOT_THERE, clause) and not _IF.match(clause)
        is_of_mail = _OF_A_MAIL.search(clause) or not is_in_instance
        if is_denied and is_of_mail and not _OBJECT.search(clause):
            return True
    return bool(_OVER_CLAUSES.search(sentence))


def _is_nothing(clause: str) -> bool:
    """Whether a clause only denies that something has come, which is named near it."""
    words = set() if _NOT_A_FIGURE.search(clause) else words_of(_NOT_ASKED.sub(" ", clause))
    return bool((words <= _NOT_IT and words & _NOTHING) or _NOT_THE_FILE.fullmatch(clause.strip()))


def _about_license(sentence: str) -> str:
    """A sentence without what may be missing beside a license and its mail."""
    for other in (_OTHER_THING, _OTHER_MAIL, _COUNTED, _NOT_ASKED):
        sentence = other.sub(" ", sentence)
    return sentence
