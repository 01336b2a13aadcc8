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
_FUTURE = r"\b(?:will|would|going to|about to|soon) (?:soon )?(?:be|become|go|turn|switch|change|get|fall)\w*"
_NO_TROUBLE = (
    r"\bnever mind\b|"
    r"\b(?:no|not|nobody|nothing|isn't|aren't)(?: (?:an?|any|that|very|yet|is|are|has|was|been|else|users?|work))* "
    r"(?:impact|problem|issue|trouble|outage|downtime|rush|hurry|urgent|critical|emergency|blocker|affected|broken|blocked|"
    r"wrong|down|lost|locked|stopped)\w*(?: working)?\b|"
    r"\b(?:kein\w*|nichts?|pas|aucune?|rien|sin|ning[uú]n|no es|niet|geen|nessun|non è|não é|sem|inte|ikke|не|нет)"
    r"(?: (?:de |d')?| \w+ )(?:proble|urge|dring|eil|notfall|haast|spoed|срочн|пробл)\w*|"
    "問題(?:なく|あり?ません)|没有?问题|문제 ?없"
)
_WORKS = (
    rf"\bstill works?\b|\bstill working\b|\bnot (?:yet )?(?:in )?{_READ_ONLY}|"
    rf"{_FUTURE}(?: (?:in)?to)? (?:{_READ_ONLY}|[a-z]+ed\b)(?! until)|"
    rf"\b(?:before|until) (?:it|everything|we|our|the)(?: \w+)? (?:is|are|becomes?|goes|turns?|gets?|switches) "
    rf"{_READ_ONLY}|(?<!has )(?<!have )(?<!had )\bbecom(?:es?|ing) {_READ_ONLY}|"
    rf"\b(?:passera|passerà|pasará|passará|wird|será|sera|sarà)\b[^.]{{0,25}}(?:{_READ_ONLY_ABROAD})|"
    rf"\byou will not (?:to )?be able to\b.*|{_NO_TROUBLE}"
)
"""What is no word of trouble, so that the rest of its sentence is judged without it: *it will be read-only*.

*You will not be able to* is of GitLab's own warning. Source: GitLab, `expiring_subscription_message.rb`.
"""
_WHOLE = (
    r"(?:(?:our|the|this|whole|entire|production|self[- ]managed) )*"
    r"(?:it|everything|all|we|gitlab|instance|server|system)(?: (?:instance|server|system))?(?: (?:is|are)|'s|'re)?"
)
_FINALLY = (
    "fine|ok|normally|yet|now|so far|for now|at the moment|but soon|"
    r"but (?:i'?m|i am|we'?re|we are) (?:worried|afraid)\b.*"
)
_WHEN = r"next \w+|tomorrow|but soon|soon|in [0-9]+ (?:hour|day|week)s?|on (?:\w+day|(?:the )?[0-9][\w /-]*|\w+ [0-9]+)"
_STATED = re.compile(
    rf"(?:(?:so far|for now|at the moment|luckily|yes|and),? )?{_WHOLE} "
    rf"(?:(?:still work(?:s|ing)?|not (?:yet )?(?:in )?{_READ_ONLY}(?: mode)?)(?:,? (?:{_FINALLY}))*|"
    r"(?:(?:will|going to|about to) (?:soon )?(?:be|become|go|turn|switch|change|get|fall)(?: (?:in)?to)?|becomes)"
    rf" {_READ_ONLY}(?: mode)?(?:,? (?:{_WHEN}))*)"
    r"|[^,;]{0,200}\b(?:please|need)\b[^,;]{0,200}\b(?:before|until) "
    rf"{_WHOLE} (?:becomes |goes |turns )?{_READ_ONLY}"
)
"""A whole sentence that says of the whole instance that it works. With any other word it may say something else."""
_AGAIN = re.compile(
    rf"(?:(?:now|and|ok|good news) )*(?:{_WHOLE} (?:works?|working|back|running|up|online|usable|writable)"
    r"(?: (?:again|now|fine|normally|as before|online|to normal))+|(?:we|you) can (?:push|commit|work|merge) again|"
    r"(?:(?:this|it|that|all|everything|(?:the )?(?:issue|problem))(?: is|'s| has been)? )?(?:solved|resolved|fixed))"
    r"(?: now)?|(?:(?:es|alles|gitlab) )?(?:läuft|geht|funktioniert) (?:jetzt |nun )?(?:alles )?wieder|"
    r"hat sich erledigt|(?:tout |ça |gitlab )*(?:marche|fonctionne) (?:de|à) nouveau|ça remarche|ya funciona|"
    r"(?:todo )?funciona (?:de nuevo|otra vez)|(?:tutto )?funziona (?:di nuovo|ora)|(?:tudo )?voltou a funcionar"
)
"""A whole clause that says that it works again, after whatever was said before."""
_DENIED = (
    r"\b(?:no|nope|not|non|none|neither|nor|never|nothing|nobody|no ?one|nowhere|cann?o?t|unable|impossible|(?:do|does|"
    r"did|is|are|was|has|have|wo|could)nt|nichts?|keine?[nrms]?|niemand|niets?|geen|inte|ingen|ikke|ei|emme|eivät|não|nunca|"
    r"ninguém|nenhum\w*|nadie|nada|ninguno?|niente|nessuno|nu|nimeni|nie|nikt|nikdo|nikto|nic|nič|nelze|ne[mjf]\w*|ne|"
    r"nije|nismo|tidak|bukan|không|değil|yok|не|нет|нельзя|никто|ничего|няма|ні|δεν|μην)\b|n't\b|"
    r"\bn'[^.]{0,30}\b(?:pas|plus|rien|que?)\b|\brien ne\b|personne ne|plus (?:personne|rien|aucun)|невозм|"
    r"[ae]m[ıi]yor|ない|なく|ません|できず|不|无|無|没|未|없|않|못|안 [됩되돼]|لا |لم |لن |ليس|نمی|לא |אין |ไม่|नहीं"
)
"""Any negation: what is denied, a person has to read."""
_FAILED = (
    r"\berror|\b[45][0-9][0-9]\b(?! (?:\w+ )?(?:users?|seats?|people|developers?|licen))|\bdown\b|fail|denied|declin|"
    r"forbid|permission|happened|(?<!un)locked|stuck|froze|gr[ea]yed|disabl|refus|reje?c|invalid|exceed|downgrad|\blost\b|"
    r"stopped|blo[ck]|\barchived\b|\bbreak|bounce|\bdie[sd] (?:at|on|with)\b|complain|this licen[sc]e has already|"
    r"true-?up for|vanish|disappear|\bgone\b|\bidle\b|(?:restricted|limited|reduced) to|"
    r"\bonly (?:view|read|look|see|brows)|\b(?:look|view|see|read|brows)\w*[- ]only|"
    r"\b(?:can|may|could|able to) (?:\w+ )?(?:look|view|see|read|brows)\w*\b.{0,30}\bbut\b|"
    "abgelehnt|gesperrt|ungültig|verweiger|verworfen|(?<!emp)fehl|alles steht|steht still|bloqu|блок|travad|refus[eé]|"
    r"figé|erreur|rechaz|inv[aá]lid|respin[gt]|\bparad[oa]|rejeit|recus|rifiut|errore|błąd|odrzuc|ошибк|"
    "запрещ|отклон|拒|失[敗败]|エラー|止ま|错|卡|거부|거절|오류|실패|멈|virhe"
)
_TROUBLE = re.compile(rf"{_READ_ONLY}|{_READ_ONLY_ABROAD}|{_DENIED}|{_FAILED}")
"""Words of trouble of any kind, also GitLab's own of a license that it refuses. Source: GitLab, `license.rb`."""
_ABOUT_INSTANCE = re.compile(
    r"(?<!@)\bgitlab\b(?! (?:\w+ )?(?:licen|liz|subscr|abo|support|team|account|renew|version|\d))|\bgit\b|"
    r"\b(?:push|commit|merg|writ)|deploy|pipeline|\bci\b|runner|\brepo|instan[cz]|\bserver|system|"
    r"\bwork(?! (?:order|day))|\bsav(?:e|ing)\b|mode\b|\bmodus|hands off|schreib|speicher|zugriff|arbeit|entwickl|"
    r"änderung|développ|dépôt|travail|desarroll|trabaj|cambios|svilupp|lavor|modific|desenvolv|alteraç|ontwikkel|wijzig|"
    "udvikl|utveckl|programi|zápis|zapis|zmian|разраб|изменени|пуш|プッシュ|コミット|変更|開発|サーバ|書き込|推送|提交|"
    "开发|服务器|写入|푸시|커밋|변경|개발|서버|쓰기"
)
_FINE = re.compile(
    rf"{_WORKS}|\bworks\b|(?:features|all|we|they|users|things) (?:\w+ )?work\b|\bworking\b|\brun(?:s|ning)\b|\bup\b|"
    r"\bok\b|fine|usable|normal|as usual|go(?:es)? through|operation|\bcan (?:push|merge|commit)|show|displa|banner|"
    r"bar\b|funktion|läuft|laufen|klappt|fonction|marche|opération|funciona|funziona|werkt|funguj|działa|работает|funkar|"
    "fungerer|正常|動作|운영|정상|çalışıyor"
)
"""A sentence about the instance, or the work on it, is not understood without one of the second."""
_FOREIGN = re.compile(r"^[ \t]*[-_=#]{2,}[^\n]{3,80}[-_=#]{2,}[ \t]*$|^[^\n]*[:：@]", re.MULTILINE)
"""Where another mail may begin: a line between dashes, or any line with a colon or an address, as headers have."""
_MARKED = re.compile(r"^[ \t]*[>|].*$|^\W*[\w ]{2,14}\**[:：].*$|^.*[:：]\s*$|^.*@.*$|[^.!?\n]*\?", re.MULTILINE)
"""Lines that quote, or are of a mail's head; and questions."""
_SENT = (
    r"mail|li[cz]en|inbox|message|activation code|\bkey\b|schlüssel|\bclé\b|лиценз|ライセンス|メール|许可证|邮件|"
    "라이선스|메일|correo|courriel|lisans"
)
_COMES = (
    r"rec(?:ei|ie)v|arriv|deliver|c[ao]me\b|got\b|gotten|reach|been sent|land|(?:show|turn)ed up|seen|there\b|"
    r"inbox|mailbox|spam|see\b(?!.{0,30}\b(?:page|portal)\b)|f(?:i|ou)nd\b(?!.{0,30}\b(?:page|button)\b| where| how)|"
    r"get (?:a|an|any|the|our|it|licen\w*)\b(?!.*(?:work|install|accept|done))|erhalten|kommen|gangen|troffen|postfach|"
    r"reçu|parven|recib|lleg|receb|cheg|ricev|otrzym|dosta|dotar|przysz|получ|приш|присл|ontvangen|binnen"
)
_NOT_THERE = (
    rf"(?:{_DENIED}|havent|hasnt|didnt|without|yet to)[^.]{{0,40}}(?:{_COMES})|still missing|no sign of|nowhere|"
    r"nicht da\b|reçu aucun|"
    rf"wait\w* (?:for|on) (?:\w+ ){{0,3}}(?:{_SENT})|where(?: is| are|'s) (?:\w+ )?(?:{_SENT})|mail.{{0,20}}bounced|"
    rf"^ ?(?:still |but |so far )*no (?:\w+ )?(?:e-)?(?:{_SENT})\w*$|"
    rf"\bno (?:\w+ )?(?:e-)?(?:{_SENT})\w*(?: (?:so far|yet|from|has|was|until|at all)\b)|"
    r"(?:attachment|licen[sc]e|\bkey)\b.{0,30}(?:removed|stripped|quarantin|filtered)|"
    r"(?:inbox|mailbox|folder) is (?:still )?empty|(?:removed|deleted|stripped) (?:\w+ ){0,2}attachment|"
    r"\bwart(?:e|en|et)\b|attend(?:s|ons)\b|esperando|aguardando|aspett(?:o|iamo|ando)|\bwacht(?:en)?\b|czekamy|жд[уеё]|"
    r"待って|等|(?:届|来|受け取)[^。、]{0,6}(?:ない|なく|ませ)|没有?收到|未收到|받지 못|못 받"
)
_NOT_IT = re.compile(
    r"(?:(?:but|no|and|so|still),? )*(?:nothing(?: (?:so far|yet|arrived|came))*|(?:it|they|that|this)\b.{0,20}"
    r"(?:\bnot|n't|never)\b.{0,20}(?:arriv|came|come|reach|show|got|here).{0,20}|"
    r"(?:i|we)\b.{0,15}(?:\bnot|n't|never) (?:get|got|receiv\w*|seen?) (?:it|them|anything)\b.{0,15}|"
    r"(?:\w+ )?(?:rien|nichts|nada|niente) (?:reçu|bekommen|erhalten|recibido|ricevuto)|(?:bisher|noch) nichts)"
)
"""A whole clause that says that something has not come, which is named near it."""
NEAR_CHARS = 200
"""How far before it is looked for."""
_OTHER_THING = re.compile(
    r"\b(?:(?:e-?mail|licen[sc]e) )?(?:invoice|quot(?:e|ation)|receipt|password|notification|certificate|"
    r"purchase order|reset|reply|reminder|notice|warning|contract|approval|confirmation)s?\b"
    r"(?: (?:reset|e-?mails?|mails?|messages?))*"
    r"(?: (?:for|of|about) (?:\w+ )?(?:licen\w+|renewal))?|"
    r"\byour (?:\w+ )?(?:e-?mail|message|reply|answer)\b(?! (?:with|containing))"
)
"""Mails about something else."""
_SMALL_PRINT = re.compile(
    r"\breceived [^.]{0,60}in error|\bintended recipient|\bnot received this message|confidenti|vertraulich|irrtüml|"
    r"riservat|destinat[aá]|\bthe environment\b|unsubscribe"
)
"""The foot of a mail, which speaks of mails, too."""
_HYPOTHETICAL = re.compile(
    r"(?:^|(?<=[.!?\n]))\s*(?:what (?:happens|if)|(?:will|would) (?!you)|until when)[^.!?\n]*\?", re.IGNORECASE
)
"""A question about what may come."""


def says_it_works(texts: Iterable[str]) -> Answer:
    """Whether the instance still works; UNKNOWN if the words do not say.

    NO if a sentence denies something, speaks of trouble, or is about the instance and not understood: few words are
    known here, and a person can ask. YES only in the sender's own plain words, or if it works again by the last text.
    What they quote or forward is older, such as GitLab's *will become read-only*. A part of an instance may work where
    the rest does not. A question says nothing.
    """
    texts = [_HYPOTHETICAL.sub(" ", text[:MOST_CHARS]) for text in texts]
    own = [re.sub(r"[^.!?\n]*\?", " ", _own_words(text)) for text in texts]
    clauses = (clause for sentence in _sentences(own[-1:]) for clause in re.split("[,;:]", sentence))
    is_over = any(_AGAIN.fullmatch(clause.strip()) for clause in clauses)
    current = _sentences(texts[-1:] if is_over else texts)
    bare = _sentences(_MARKED.sub("", text) for text in texts)
    unclear = [one for one in bare if _ABOUT_INSTANCE.search(one) and not _FINE.search(one)]
    if any(_TROUBLE.search(re.sub(_WORKS, " ", sentence)) for sentence in current) or (unclear and not is_over):
        return Answer.NO
    return Answer.YES if is_over or any(map(_STATED.fullmatch, _sentences(own))) else Answer.UNKNOWN


def says_mail_missing(texts: Iterable[str]) -> bool:
    """Whether a clause says that a license or its mail has not come, also one that was named shortly before it."""
    before = ""
    for sentence in _sentences(texts):
        near = f"{before} {sentence}"
        for clause in re.split(r"[,;:]|\b(?:and|because|since|but) ", _OTHER_THING.sub(" ", sentence)):
            if re.search(_SENT, clause) and re.search(_NOT_THERE, clause):
                return True
            if _NOT_IT.fullmatch(clause.strip()) and re.search(_SENT, near):
                return True
        before = near[-NEAR_CHARS:]
    return False


def _own_words(text: str) -> str:
    """A text without the mails that it quotes or forwards."""
    before = _FOREIGN.split(text, maxsplit=1)[0]
    return re.sub(r"(?m)^[ \t]*[>|].*$", "", before)


def _sentences(texts: Iterable[str]) -> Iterator[str]:
    """The sentences of texts, as `word_key` has them, without signatures and the paragraphs of their small print."""
    for text in texts:
        body = re.split(r"(?m)^-- ?$", text[:MOST_CHARS], maxsplit=1)[0]
        for paragraph in re.split(r"\n\s*\n", body):
            if not _SMALL_PRINT.search(word_key(paragraph)):
                for sentence in re.split(r"(?<![0-9])[.]+(?=\s|$)|[!?。\n]+", paragraph):
                    yield word_key(re.sub("[‘’´`]", "'", sentence)).strip(" ,;:>")
