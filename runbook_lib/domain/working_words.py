"""Whether a ticket's words say that the instance still works, or works again. Pure.

The engineer's answer overrides it: words that are not understood lead to a needless question.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from runbook_lib.domain.models import Answer
from runbook_lib.domain.pasted import word_key
from runbook_lib.domain.sentences import (
    CLAUSE,
    DENIED,
    HYPOTHETICAL,
    MOST_CHARS,
    PAPERWORK,
    SIGNATURE,
    sentences_of,
    words_of,
)

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
    r"(?:[ '](?:an?|any|that|very|too|yet|is|are|has|was|been|else|here|users?|work|de|d|es|est|ist|è|sehr|très|muy))*"
    r"[ '](?:impact|problem|issue|trouble|outage|downtime|rush|hurry|urgen|critical|emergency|blocker|affected|broken|"
    r"blocked|wrong|down|lost|locked|stopped|pressing|worr|panic|serious|restrict|limit|concern|eil|dring|notfall|"
    r"haast|spoed|срочн|пробл)\w*(?: working)?(?: any ?more)?\b|"
    rf"(?:{_READ_ONLY} )?\b(?:banner|error|warning|message|problem|notice)s? (?:is|are|has|was) (?:now )?gone\b|"
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
_WHOLE = (
    r"(?:(?:our|the|this|whole|entire|production|self[- ]managed) )*"
    r"(?:it|everything|all|gitlab|instance|server|system)(?: (?:instance|server|system))?(?: (?:is|are)|'s)?"
)
_NOT_YET_STATED = re.compile(
    rf"(?:(?:{_WHOLE}|we(?: are|'re)) not (?:yet )?(?:in )?{_READ_ONLY}(?: mode)?(?: (?:yet|now))*"
    rf"|{_WHOLE} (?:(?:will|going to|about to) (?:soon )?(?:be|become|go|turn|switch|change|get|fall)(?: (?:in)?to)?"
    rf"|becomes) {_READ_ONLY}(?: mode)?(?: (?:{_WHEN}))*)"
)
"""A whole clause that says that it is not read-only yet."""
_ASKS_BEFORE = re.compile(rf"\b(?:before|until) (?:{_WHOLE}|we(?: are|'re)?) (?:becomes? |goes? |turns? )?{_READ_ONLY}")
"""The end of one that asks for something before it does not work any more."""
_PHRASES = tuple(
    (re.compile(rf"\b(?:{phrases})\b"), f" {word} ")
    for word, phrases in (
        (
            "",
            r"so far|for (?:now|the moment|the time being)|at (?:the|this) (?:moment|time)|right now|in gitlab|"
            r"good news|great news|just to confirm|until now|at present|"
            r"for (?:everyone|everybody|all users)|(?:since|as of) (?:this morning|today|now|[0-9]{1,2}:[0-9]{2})|"
            r"on (?:our|my) (?:side|end)|after (?:the |an? )?(?:upload|renewal|installation|restart|reboot|import)"
            r"(?: of (?:the )?(?:new )?(?:li[cs]en[cs]e|key)(?: file| key)?)?",
        ),
        ("again", r"de nouveau|à nouveau|de nuevo|otra vez|di nuovo|de novo|outra vez"),
        (
            "normally",
            r"as (?:usual|before|expected|it should|always)|with(?:out| no) (?:any |a |further )?"
            r"(?:problem|issue|trouble|restriction|limitation|error|interruption)s?|"
            r"ohne (?:probleme|einschränkungen)|sans (?:problème|souci)s?|sin problemas?|senza problemi|sem problemas|"
            r"zonder problemen|bez problemów|con normalidad",
        ),
        ("running again", r"back (?:to normal|online)|remarche"),
        ("running normally", r"up and running|in (?:full|normal|regular) operation|not locked any ?more|unlocked"),
    )
)
"""Phrases, each with the word that it stands for, so that all others can be taken one by one."""
_THE_WHOLE = words_of(
    """
    it its everything all gitlab instance server system our the this whole entire production self
    managed es alles das die der unsere unser instanz système tout ça notre le la todo el nuestra
    instancia sistema servidor tutto il nostra istanza tudo o nossa instância het onze wszystko всё все
    """
)
_RUNS = words_of(
    """
    works work working runs running up functional operational usable online available writable functions
    functioning läuft geht funktioniert klappt marche fonctionne funciona funcionando funcionar funziona
    werkt działa fungerar virker fungerer работает
    """
)
_FULLY = words_of("operational functional usable writable")
_UP = words_of("up online available writable")
_NO_NAMES = words_of("it its our the this all es das die der unsere unser le la el il o a onze het")
"""Of something else than the instance it may be said that it is up, if only *it* is named: *the file is available*."""
_STILL = words_of(
    "still keeps continues remains noch encore toujours todavía aún sigue ancora ainda continua nog nadal пока"
)
_AGAIN = words_of(
    "again now back igen wieder jetzt nun ya ora novamente voltou agora weer znowu ponownie снова solved resolved fixed"
)
_HOW = words_of(
    """
    is are s normally currently fine ok fully completely perfectly properly correctly normal well quite
    yes luckily fortunately happily also already está ganz einwandfrei gewoon bei uns problemlos
    normalement correctement normalmente correctamente normaal
    """
)
_PEOPLE = words_of("we our all users user everyone everybody people teams colleagues developers can")
_ALL_USE = words_of("push work use")
_USE = _ALL_USE | words_of("merge commit")
"""The only words of a clause that says of the whole that it works. With any other it may say something else."""
_SOLVED = re.compile(
    r"(?:(?:this|it|that|all|everything|(?:the )?(?:issue|problem))(?: is|'s| has been)? )?(?:now )?(?:solved|resolved|"
    r"fixed)(?: now)?(?: on (?:our|my) (?:side|end))?|hat sich erledigt|"
    r"(?:(?:das|le|el|il|o|het) )?(?:problem|problème|problema|probleem|проблема)(?: (?:ist|hat sich|est|está|ha sido|"
    r"è|è stato|foi|is|został))? (?:behoben|gelöst|erledigt|résolu|réglé|resuelto|solucionado|risolto|resolvido|"
    r"opgelost|rozwiązany|решена)|解決しました|直りました|(?:问题)?已(?:经)?解决了?|해결되었습니다"
)
_COURTESY = words_of(
    """
    tack tak takk thank thanks you for your the thx cheers regards best kind many a lot much so very
    danke dank vielen herzlichen viele grüße merci beaucoup gracias muchas grazie mille obrigado
    obrigada muito bedankt спасибо ありがとう ありがとうございます 谢谢 감사합니다 hi hej hei hello dear hallo team
    support all yes now good confirmed
    """
)
"""Words that say nothing of the instance."""
_THANKS = words_of(
    """
    tack tak takk many thank thanks you thx cheers danke dank merci gracias grazie obrigado obrigada hi hello hallo dear
    """
)
_WISHES = (
    r"\b(?:(?:have a|enjoy (?:the|your)) (?:\w+ )?(?:day|weekend|evening|week)|never mind|"
    r"you saved (?:my|our|the) (?:day|weekend)|that was (?:quick|fast|great)|"
    r"(?:for )?(?:your|the|all the) (?:\w+ )?help|"
    r"(?:fast|quick|great|good|nice|excellent|prompt)(?= (?:support|reply|response|job))|your patience|a million|"
    r"(?:reply|response|job)$)"
)
_SMILES = re.compile(r"[:;]-?\)|[🙂😀😃😄😊😅👍🎉✅🙏❤\ufe0f]")
_PLAIN = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*(?: +[^\W\d_]+(?:['-][^\W\d_]+)*)*")
"""A clause of words alone. A figure, a sign or a quotation mark may mean anything: *80% works again*, *it "works"*."""
_PROSE = re.compile(r"\b(?:only|except|but|ps|i|we|was|is|that|this|on the|correction|not|so)\b", re.IGNORECASE)
"""Words of a postscript, which may stand where a signature does."""
_LICENSE = words_of(
    """
    license licence licenses licences lizenz licencia licença licentie licenza лицензия subscription
    premium ultimate trial grace renew renewed renewal invoice quote
    """
)
_THERE_IS = words_of("we there they have had are is see it us yet")
_HAPPENED = words_of(
    """
    is was are were has had expired ended ran renewed extended paid uploaded installed applied added
    imported received got found sent gave accepted close closed ist
    """
)
"""Without one of these a license beside *works again* is only wished for: *a new license, and it works again*."""
_CLOSE = words_of("please you can close the this our ticket case it")
_TO_HAPPEN = words_of(
    """
    will be to could should must would can need needs want please tomorrow next soon monday tuesday
    wednesday thursday friday saturday sunday
    """
)
"""With one of these it has not happened: *the license will be renewed and everything works again*."""
_DONE = words_of(
    """
    key file code mail ticket case uploaded installed applied added imported received got found sent
    gave accepted close closed
    """
)
_BESIDE_LICENSE = _LICENSE | words_of(
    """
    a an the this our my your we i you us it they is are was were will be has have had s ve re ll m to for on in at
    by from with and gitlab instance period renew renewed extend extension expire expired expires expiring ended
    ends runs ran run out ago night hours about soon please can could need needs new urgent urgently help request
    question send paid invoice quote today tomorrow yesterday now already monday tuesday wednesday thursday friday
    saturday sunday weekend week day days month months january february march april may june july august september
    october november december next last
    """
)
_BESIDE_DONE = (
    _DONE
    | _BESIDE_LICENSE
    | words_of(
        """
        temp temporary reseller procurement purchasing colleague sales also closing just want time die lizenz ist
        eingespielt unsere läuft morgen gestern ab abgelaufen seit notre licence a expiré hier la licencia venció
        ayer ha vencido nuestra onze licentie verlopen gisteren licença expirou ontem лицензия истекла вчера licenza
        è scaduta ieri
        """
    )
)
"""The only words that may stand in other clauses: of a license, and of what became of it.

Any other may limit what was said (*but only for admins*), or speak of trouble that is not known here.
"""
_AND = r"(?:^|\s)(?:and|but|und|aber|et|mais|y|pero|ma|mas|maar|но) "
_AFRAID = words_of("worried afraid")
_BESIDE_AFRAID = _AFRAID | words_of(
    """
    i m am we re are that it this may might could will soon stop stops change changes end ends expire
    expires during over about on the our weekend tomorrow monday license
    """
)
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
_FOREIGN = re.compile(
    r"^[ \t]*[-_=#]{2,}[^\n]{3,80}[-_=#]{2,}[ \t]*$|^[^\w\n]*[\w ]{2,14}\**[:：]|^[^\n]*(?:[:：][ \t]*$|@)",
    re.MULTILINE,
)
"""Where another mail may begin: a line between dashes, a header, what ends in a colon, or an address."""
_IS_MAIL = re.compile(
    r"[ \t]*[-_=#]{2,}|[^\w\n]*(?:from|von|de|da|van|fra|från|od|от)\**[ ]?[:：]|"
    r"[^\w\n]*(?:date|sent|gesendet|to|an|subject|betreff)\**[ ]?[:：][^\n]*\n[^\w\n]*[\w ]{2,14}\**[ ]?[:：]|"
    r"[^\n]*(?:<[^>\n]+@[^>\n]+>|(?:wrote|writes|schrieb|écrit|escribió|scritto|escreveu|schreef)[ ]?:)",
    re.IGNORECASE,
)
"""Where another mail does begin; else it may be the sender's own note: *PS: only for admins*."""
_QUOTED = re.compile(r"(?m)^[ \t]*[>|].*$")
_QUESTION = re.compile(r"(?<![^.!?\n])[^.!?\n]*\?")


def says_it_works(texts: Iterable[str], writers: Iterable[str] = ()) -> Answer:
    """Whether the instance still works; UNKNOWN if the words do not say.

    NO if a sentence denies something, speaks of trouble, or is about the instance and not understood: few words are
    known here, and a person can ask. A denial of paperwork is none: *our invoice has not arrived*. YES only in the
    sender's own plain words, beside which they write of nothing but the license; or if the last text says so, that it
    works again.
    What they quote or forward is older, such as GitLab's *will become read-only*. A part of an instance may work where
    the rest does not. A question says nothing; one that is not of the license, a figure or a sign keeps YES from being
    said.

    Args:
        texts: The ticket's subject, then what was written, oldest first.
        writers: The names of those who wrote, which may stand below a text.
    """
    names = {word for name in writers for word in words_of(word_key(name))}
    received = [text[:MOST_CHARS] for text in texts]
    while len(received) > 1 and words_of(word_key(received[-1])) <= _COURTESY | names:
        received.pop()
    texts = [HYPOTHETICAL.sub(" ", text) for text in received]
    written = [_QUOTED.sub("", _before_mail(text)) for text in received]
    own = [_QUESTION.sub(" ", _QUOTED.sub("", _before_mail(text))) for text in texts]
    if any(_PROSE.search(found) for text in received for found in SIGNATURE.findall(text)):
        written = []
    is_over = _is_said(written[-1:], names, is_again=True)
    current = [_QUOTED.sub("", texts[-1])] if is_over else texts
    unclear = [
        one for one in sentences_of(own[-1:] if is_over else own) if _is_about_instance(one) and not _FINE.search(one)
    ]
    if unclear or any(map(_is_trouble, sentences_of(current))):
        return Answer.NO
    return Answer.YES if is_over or _is_said(written, names) else Answer.UNKNOWN


def _before_mail(text: str) -> str:
    """A text up to where another mail may begin; with one unknown word in its place if that may be the sender's own."""
    found = _FOREIGN.search(text)
    if found is None:
        return text
    return text[: found.start()] + ("" if _IS_MAIL.match(text, found.start()) else "…\nunread")


def _is_said(texts: Sequence[str], names: set[str], *, is_again: bool = False) -> bool:
    """Whether a clause of some texts says it of the whole, and all others only what may stand beside that.

    With `is_again` it has to say that it works again, whatever was said before.
    """
    is_said = False
    # What is asked is no statement: a mark in it keeps it from being one.
    for sentence in sentences_of(_SMILES.sub(" ", text).replace("?", " ¿?") for text in texts):
        clauses = _clauses(sentence, names)
        answers = [_answer(clause, names) for clause in clauses]
        again = "again" in answers
        is_said |= again or (not is_again and "still" in answers)
        others = [clause for clause, answer in zip(clauses, answers, strict=True) if not answer]
        if not all(_is_aside(clause, names, beside_again=again) for clause in others):
            return False
    return is_said


def _clauses(sentence: str, names: set[str]) -> list[str]:
    """The clauses of a sentence; what stands on both sides of an *and* is one of them if it is understood as such."""
    found: list[str] = []
    sentence = re.sub(rf"({_READ_ONLY}(?: mode)?(?: yet)?),? but soon$", r"\1", re.sub(r"^[-*•] ", "", sentence))
    for phrase, word in _PHRASES:
        sentence = phrase.sub(word, sentence)
    for clause in (part.strip(" .") for part in re.split("[,;:]", sentence)):
        is_whole = _answer(clause, names) or _is_aside(clause, names)
        found += [clause] if is_whole else map(str.strip, re.split(_AND, clause))
    return found


def _answer(clause: str, names: set[str]) -> str:
    """What a clause says of the whole instance: that it works *again*, or *still*; else ""."""
    if _SOLVED.fullmatch(clause):
        return "again"
    if _NOT_YET_STATED.fullmatch(clause) or _asks_before(clause):
        return "still"
    if not _PLAIN.fullmatch(clause):
        return ""
    words = words_of(clause) - names
    others = words - _STILL - _AGAIN - _HOW
    named, runs = others & _THE_WHOLE - _NO_NAMES, others & _RUNS
    how = words & (_STILL | _AGAIN | _HOW | _FULLY) - words_of("is are s")
    works = others <= _THE_WHOLE | _RUNS | _THANKS and (others & _THE_WHOLE or words & _AGAIN) and (runs - _UP or named)
    can = others <= _PEOPLE | _USE | _THE_WHOLE | {"and"} and "can" in others and others & _ALL_USE
    # *Normally it works*, *it normally works*, *all are working on it*
    is_else = clause.startswith(("normal", "all are ")) or re.search(r"\bnormally (?:\w+ )?(?:work|run|funct)", clause)
    if not ((runs and works) or can) or not how or is_else:
        return ""
    return "still" if words & _STILL else "again"


def _asks_before(clause: str) -> bool:
    found = _ASKS_BEFORE.search(clause)
    return bool(found and found.end() == len(clause) and words_of(clause[: found.start()]) <= _BESIDE_LICENSE)


def _is_aside(clause: str, names: set[str], *, beside_again: bool = False) -> bool:
    """Whether a clause is only of thanks, the license, what became of it, a worry, or trouble that there is not."""
    said, times = re.subn(_NO_TROUBLE, " ", clause)
    words = words_of(re.sub(_WISHES, " ", said)) - _COURTESY - names - (_THERE_IS if times else set())
    if not words:  # what is no word may be anything
        return not re.search(r"[^\w\s.-]|[0-9]" if beside_again else r"[^\w\s.-]", said)
    has_happened = words <= _CLOSE or (words & _HAPPENED and not words & _TO_HAPPEN)
    is_of_license = words <= _BESIDE_DONE and words & (_LICENSE | _DONE) and (has_happened or not beside_again)
    can_use = beside_again and words <= _PEOPLE | _USE | {"and"} and "can" in words and words & _ALL_USE
    return bool(
        is_of_license
        or can_use
        or words <= _THE_WHOLE | _RUNS | {"is", "are", "s"}
        or (words <= _BESIDE_AFRAID and words & _AFRAID)
    )


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
