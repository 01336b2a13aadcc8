"""Whether a ticket's words speak of trouble, or say that the instance works. Pure.

Neither decides anything: they only have the engineer asked. A word that is missed or misread costs a question at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile

from runbook_lib.domain.sentences import CLAUSE, DENIED, HYPOTHETICAL, MOST_CHARS, PAPERWORK, sentences_of

_READ_ONLY = r"\b(?:read[ -]*only|r/o)\b"
_ONLY = (
    r"\b(?:nur|bloß|sol[oa]|sólo|só|apenas|somente|solt?amente|soltanto|únicamente|seule?|seulement|uniquement|alleen|"
    r"slechts|bara|kun|bare|tylko|только|лише|тільки|само|doar|jen|pouze|iba|len|samo|hanya|csak|chỉ|vain|salt|μόνο)\b|"
    "只|仅|唯|だけ|のみ|専用|专用|만|전용|فقط|בלבד|อย่างเดียว|केवल"
)
_READ = (
    r"\b(?:les(?:e|bar)|schau|seh|an(?:seh|schau)|le[ck]tur|leer\b|lettur|legg|leitur|ler\b|ver\b|vedere|visuali|"
    "consult|lire|voir|lez|kijk|läs|titta|læs|luku|odczyt|czyt|чтен|чита|четен|смотр|citir|čten|čít|čita|branj|baca|"
    "olvas|đọc|okunur|ανάγν)|读|讀|読|看|읽|قراءة|خواند|קריאה|อ่าน|पढ़"
)
_READ_ONLY_ABROAD = (
    rf"(?:{_ONLY})[^.]{{0,25}}(?:{_READ})|(?:{_READ})[^.]{{0,9}}(?:{_ONLY})|リードオンリー|唯讀|"
    "schreibgesch|lesemodus|lesezugriff|skriv[^ ]{0,4}sky|írásvéd"
)
"""*Only* and *read*, or the like, in other languages."""
_NO_TROUBLE = (
    rf"\bnever mind\b|(?:{DENIED}|\b(?:pas|sin|aucune?|rien|ning[uú]n|sem|without|ohne|sans)\b)"
    r"(?:[ '](?:an?|any|that|very|too|yet|see|is|are|has|was|been|else|here|users?|work|de|d|es|est|ist|è|sehr|très|"
    r"muy))*[ '](?:impact|problem|issue|trouble|outage|downtime|rush|hurry|urgen|critical|emergency|blocker|affected|"
    r"broken|blocked|wrong|down|lost|locked|stopped|pressing|worr|panic|serious|restrict|limit|concern|error|complain|"
    r"idea|eil|dring|notfall|haast|spoed|срочн|пробл)\w*(?: working)?(?: any ?more)?\b|"
    rf"(?:{_READ_ONLY} )?\b(?:banner|error|warning|message|problem|notice)s? (?:(?:is|are|has|have|was) )?(?:now )?"
    r"(?:gone|disappeared|vanished|went away)\b|sorry for the (?:noise|trouble)|"
    r"\bno longer (?:needed|required|necessary|an issue)\b|"
    r"問題(?:なく|あり?ません)|没有?问题|문제 ?없"
)
_FUTURE = r"\b(?:will|would|going to|about to|soon) (?:soon )?(?:be|become|go|turn|switch|change|get|fall)\w*"
_WHEN = r"next \w+|tomorrow|but soon|soon|in [0-9]+ (?:hour|day|week)s?|on (?:\w+day|(?:the )?[0-9][\w /-]*|\w+ [0-9]+)"
_NOT_YET = (
    rf"\bnot (?:yet )?(?:in )?{_READ_ONLY}(?: mode)?|"
    rf"(?:{_FUTURE}(?: (?:in)?to)?|(?<!has )(?<!have )(?<!had )\bbecom(?:es?|ing)) {_READ_ONLY}(?: mode)?(?! until)"
    rf"(?:,? (?:{_WHEN}))*"
)
"""It is not read-only, or only later: *it will be read-only on Monday*."""
_BEFORE = (
    r"\b(?:before|until) (?:it|everything|we|our|the)(?: \w+)? (?:is|are|becomes?|goes|turns?|gets?|switches) "
    rf"{_READ_ONLY}"
)
_WORKS = (
    rf"\bstill works?\b|\bstill working\b|{_NOT_YET}|{_BEFORE}|{_FUTURE} [a-z]+ed\b(?! until)|"
    rf"\b(?:passera|passerà|pasará|passará|wird|será|sera|sarà)\b[^.]{{0,25}}(?:{_READ_ONLY_ABROAD})|"
    r"\byou will not (?:to )?be able to\b.*|\bif you (?:do not|don't) renew\b.*|"
    r"\bplease (?:do not|don't)\b[^.,;:]{0,80}|"
    rf"{_NO_TROUBLE}"
)
"""What is no word of trouble, so that the rest of its sentence is judged without it.

*You will not be able to* and *if you do not renew* are of GitLab's own warnings.
Source: GitLab, `expiring_subscription_message.rb`.
"""
_SOLVED = re.compile(
    r"\b(?:(?:re)?solved|fixed|back (?:to normal|online|up)|remarche|"
    r"reparti|behoben|gelöst|erledigt|résolue?|réglée?|resuelto|solucionado|risolto|resolvido|opgelost|rozwiązany|"
    r"решен[ао]?)\b|解決しました|直りました|已(?:经)?解决|해결되었습니다"
)
"""What is done with: no other word is needed beside it."""
_RUNS = re.compile(
    r"\b(?:works?|working|runs?|running|up|operational?|operation|usable|online|available|writable|functions?|"
    r"functional|functioning|(?:can|able to) (?:\w+ ){0,3}(?:push|merge|commit|work|use)|läuft|laufen|geht|"
    r"funktionier(?:t|en)|klappt|arbeiten|marche|fonctionnen?t?|funcion(?:a|ando|ar)|funziona|werkt|działa|"
    r"fung[ae]rar|fungerer|funkar|virker|funguj[eí]|работает|заработал[ао]?)\b|正常|動作|動き|운영|작동|çalışıyor"
)
_STILL = re.compile(
    r"\b(?:still|keeps?|continues?|remains?|again|now|normal(?:ly|e)?|fine|fully|well|properly|correctly|everything|"
    r"everyone|all (?:users|is)|so far|for now|as (?:usual|before|expected)|without (?:\w+ )?(?:problem|issue|trouble|"
    r"restriction|limitation|error|interruption)s?|noch|weiter(?:hin)?|wieder|jetzt|einwandfrei|problemlos|gut|alles|"
    r"encore|toujours|nouveau|nouvelle|normalement|correctement|tout|todavía|aún|siguen?|nuevo|otra vez|ya|normalidad|"
    r"todo|correctamente|ancora|di nuovo|ora|regolarmente|tutto|ainda|continua|novo|novamente|agora|tudo|nog|weer|"
    r"nadal|znowu|ponownie|normalnie|wszystko|już|igen|igjen|stadig|fortfarande|tekrar|artık|už|já|пока|снова|ещё|"
    r"вс[её])\b|正常|今も|ました|아직|정상"
)
"""Beside a word of the first, it says that the instance works still, or works again."""
_CLOSES = re.compile(
    r"\b(?:close|disregard|ignore) (?:this|the|my|our|it)\b|\b(?:disregard|false alarm|never ?mind|all set)\b|"
    r"\bno longer (?:needed|required|necessary|an issue)|\b(?:we|i)(?: are|'re| am|'m) (?:all )?(?:good|fine|set|"
    r"ok(?:ay)?)\b|\bgo(?:es)? through (?:again|now)|\b(?:banner|warning|message)s? (?:(?:is|are|has) )?(?:now )?"
    r"(?:gone|disappeared)|\b(?:has|have|been|was|were|we|i|now|already|just|gitlab) (?:now )?(?:applied|installed|"
    r"uploaded|activated|accepted)\b|\brenewal (?:came|went) through|\bvalid (?:again|now)\b|大丈夫"
)
"""What closes a ticket, or says that a license is in; in what opens a ticket it may be an earlier license."""
_CONDITION = re.compile(
    r"\b(?:if|when|once|so (?:that|(?:\w+ )?(?:we|it|they) )|as soon as|unless|whether|will|would|could|should|must|"
    r"to be|please (?!close|disregard|ignore)|hope|wish|want|need|(?:have|has|had) to|in order to|make sure|"
    r"let (?:me|us) know|get (?:it|us|everything)|to (?:get|make|have|bring|keep)|up to (?:you|us|me)|tomorrow|soon|"
    r"wenn|sobald|damit|bitte|falls|quand|dès|pour que|afin|cuando|para (?:que|poder)|si|quando|affinché|zodra|als|"
    r"zodat|aby|żeby|gdy|чтобы|когда)\b"
)
"""With one of these it is wished for, asked for or expected: *so that everything works again*."""
_UNTIL = re.compile(r"\b(?:until|bis|was|were|had)\b")
"""With one of these it worked before."""
_FAILED = (
    r"\berror|\b[45][0-9][0-9]\b(?! (?:\w+ )?(?:users?|seats?|people|developers?|licen))|\bdown\b|fail|\bden(?:y|ie)|"
    r"declin|forbid|permission|happened|\block|stuck|froze|\b(?:halt|h[au]ng)(?:s|ed|ing)?\b|\bhäng|\b(?:is|are|went|"
    r"switched|turned) off\b|gr[ea]yed|gris[ée]|disabl|refus|reje?c|invalid|exceed|downgrad|demot|\blost\b|stopped|"
    r"blo[ck]|\bbreak|bounce|complain|this licen[sc]e has already|true-?up for|"
    r"vanish|dis+ap+e|went away|\bgone\b|\bidle\b|(?:restricted|limited|reduced) to|\bonly (?:view|read|look|see|"
    r"brows)(?! (?:the|a|an) (?:\w+ ){0,2}(?:banner|message|warning|bar|notice))|"
    r"\b(?:look|view|see|read|brows)\w*[- ]only|\b(?:can|may|could|able to) (?:\w+ )?(?:look|view|see|read|"
    r"brows)\w*\b.{0,30}\bbut\b|abgelehnt|gesperrt|ungültig|verweiger|verworfen|(?<!emp)fehl|alles steht|steht still|"
    r"bloqu|блок|trav[ao]|refus[eé]|figé|erreur|rechaz|inv[aá]lid|respin[gt]|\bpar(?:ad[oa]|ou|ó)\b|rejeit|recus|"
    r"rifiut|errore|błąd|odrzuc|ошибк|запрещ|отклон|拒|失[敗败]|エラー|止ま|错|卡|거부|거절|오류|실패|멈|virhe"
)
_TROUBLE = re.compile(rf"{_READ_ONLY}|{_READ_ONLY_ABROAD}|{_FAILED}")
"""Words of trouble of any kind, also GitLab's own of a license that it refuses. Source: GitLab, `license.rb`."""
_ABOUT_INSTANCE = re.compile(
    r"(?<!@)\bgitlab\b(?! (?:\w+ )?(?:licen|liz|subscr|abo|support|team|account|renew|version|\d))|\bgit\b|\b(?:push|"
    r"commit|merg|writ)|deploy|pipeline|\bci\b|runner|\brepo|instan[cz]|\bserv(?:er|idor|eur)|"
    r"s[iy]stem(?!\w*[ -]?(?:admin|engineer|ingen|archit))|\bwork(?! (?:order|day))|\bsav(?:e|ing)\b|mode\b|\bmodus|"
    r"hands off|(?<![0-9] )\b(?:devs|developers|engineers|programmers)\b|"
    r"(?<!hello )(?<!hi )(?<!dear )(?<!for )\bevery(?:one|body|thing)\b|(?:feature|function)s?\b|\bguests?\b|gäst|"
    r"gjest|invit[éa]|гост|\bfree (?:tier|plan)\b|\balles\b|\btutto\b|\btodo\b|\btudo\b|\bвс[её]\b|schreib|speicher|"
    r"zugriff|arbeit|entwickl|änderung|développ|dépôt|travail|desarroll|trabaj|cambios|svilupp|lavor|modific|desenvolv|"
    r"alteraç|ontwikkel|wijzig|udvikl|utveckl|programi|zápis|zapis|zmian|разраб|изменени|пуш|プッシュ|コミット|変更|開発|サーバ|書き込|"
    r"推送|提交|开发|服务器|写入|푸시|커밋|변경|개발|서버|쓰기"
)
_BEGAN = re.compile(
    r"\b(?:since|seit|depuis|desde|sinds|siden|sedan|od|dal?|с|з)\b.{0,20}(?:yesterday|today|morning|night|day\b|hour|"
    r"clock|expir|gestern|heute|früh|mitternacht|tag\b|uhr|ablauf|hier\b|matin|minuit|ayer|hoy|mañana|noche|ieri|"
    r"mattina|ontem|hoje|manhã|gisteren|ochtend|wczoraj|rana|dziś|утра|вчера)|over ?night|über nacht|all of a sudden|"
    r"\bsuddenly|plötzlich|soudain|de repente|[夜朝日]から|从[昨今]|부터"
)
_FINE = re.compile(
    rf"{_WORKS}|\bworks\b|\bexpires?\b|(?:features|all|we|they|users|things) (?:\w+ )?work\b|\bworking\b|unlocked|"
    r"\bcan (?:still |all )*(?:push|merge|commit|work|use)\b|\bnoch arbeiten\b|\b(?:va|todo|alles|tutto|tudo|"
    r"всё) (?:bien|gut|bene|bem|хорошо)\b|\brun(?:s|ning)\b|\bup\b|\bok\b|fine|usable|normal|as usual|functional|"
    r"go(?:es)? through|operation|available|back online|"
    r"show|displa|banner|bar\b|funktion|läuft|laufen|klappt|fonction|marche|opération|funciona|funziona|werkt|funguj|"
    r"działa|работает|funkar|fungerar|fungerer|virker|正常|動作|운영|정상|çalışıyor"
)
"""A sentence of the first two, about the instance or the work on it, is not understood without one of the third."""
_QUOTED = re.compile(r"(?m)^[ \t]*[>|].*$")
_MAIL = re.compile(
    r"[ \t]*(?:[-_=#]{2,}.*[-_=#]{2,}[ \t]*$|\**(?:from|von|de|da|van|fra|från|od|от)\**[ ]?[:：]|"
    r".*(?:<[^<>]+@[^<>]+>|\b(?:wrote|writes|schrieb|écrit|escribió|scritto|escreveu|schreef)\b.*[:：][ \t]*$))",
    re.IGNORECASE,
)
"""The line with which another mail begins: a separator, a header, or what names its sender."""
_MOST_LINE_CHARS = 200
"""The longest line that is looked at as one."""
_QUESTION = re.compile(r"(?<![^.!?\n])[^.!?\n]*\?")


def speaks_of_trouble(texts: Iterable[str]) -> bool:
    """Whether a sentence denies something, speaks of trouble, or is about the instance and not understood.

    A denial of paperwork is none: *our invoice has not arrived*. What is quoted counts, too, but a sentence that is not
    understood only in the sender's own words.

    Args:
        texts: The ticket's subject, then what was written.
    """
    texts = [HYPOTHETICAL.sub(" ", text[:MOST_CHARS]) for text in texts]
    own = sentences_of(_QUESTION.sub(" ", _own(text)) for text in texts)
    is_unclear = any(_is_about_instance(one) and not _FINE.search(one) for one in own)
    return is_unclear or any(map(_is_trouble, sentences_of(texts)))


def says_it_works(opening: str, later: Sequence[str] = ()) -> bool:
    """Whether the newest text that speaks of it, in the sender's own words, says that it works, and of no trouble.

    Args:
        opening: What opened the ticket.
        later: What was written since, oldest first; there a license that is in, or an end of the ticket, counts, too.
    """
    for at, text in enumerate(reversed((opening, *later))):
        own = [*sentences_of([_QUESTION.sub(" ", _own(text[:MOST_CHARS]))])]
        if any(map(_is_trouble, own)):
            return False
        if any(_is_working(one, may_close=at < len(later)) for one in own):
            return True
    return False


def _own(text: str) -> str:
    """A text without quoted lines, up to where another mail begins."""
    lines = _QUOTED.sub("", text).split("\n")
    return "\n".join(takewhile(lambda line: len(line) > _MOST_LINE_CHARS or not _MAIL.match(line), lines))


def _is_working(sentence: str, *, may_close: bool) -> bool:
    """Whether a sentence says that something works, still or again; not that it should, or under a condition."""
    if re.search(_NOT_YET, sentence):
        return True
    if _CONDITION.search(sentence):
        return False
    if may_close and _CLOSES.search(sentence):
        return True
    if _UNTIL.search(sentence):
        return False
    clauses = re.split("[,;:]", sentence)
    return any(_SOLVED.search(one) or (_RUNS.search(one) and _STILL.search(one)) for one in clauses)


def _is_trouble(sentence: str) -> bool:
    """Whether a sentence speaks of trouble, or denies something that is no paperwork."""
    rest = re.sub(_WORKS, " ", sentence)
    if _TROUBLE.search(rest):
        return True
    return any(map(_is_denied, re.split(CLAUSE, rest)))


def _is_denied(clause: str) -> bool:
    """Whether a clause denies something; one denial beside paperwork is of that: *our invoice has not arrived*."""
    times = len(re.findall(DENIED, clause))
    return times > 1 or (times == 1 and bool(_ABOUT_INSTANCE.search(clause) or not re.search(PAPERWORK, clause)))


def _is_about_instance(sentence: str) -> bool:
    has_begun = _BEGAN.search(sentence) and not re.search(PAPERWORK, sentence)
    return bool(has_begun or _ABOUT_INSTANCE.search(sentence))
