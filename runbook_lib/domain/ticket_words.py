"""Hints in the words of a ticket: whether the instance still works, and whether the license mail has not come. Pure.

The engineer's answer overrides a hint: a wrong one leads to a needless question, or to a runbook that looks first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence, Set

from runbook_lib.domain.models import Answer
from runbook_lib.domain.pasted import word_key
from runbook_lib.domain.sentences import CLAUSE, DENIED, MOST_CHARS, PAPERWORK, sentences_of, words_of


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


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
    rf"\bnever mind\b|(?:{DENIED}|\b(?:pas|sin|aucune?|rien|ning[uú]n|sem)\b)"
    r"(?:[ '](?:an?|any|that|very|too|yet|is|are|has|was|been|else|users?|work|de|d|es|est|ist|è|sehr|très|muy))*"
    r"[ '](?:impact|problem|issue|trouble|outage|downtime|rush|hurry|urgen|critical|emergency|blocker|affected|broken|"
    r"blocked|wrong|down|lost|locked|stopped|pressing|worr|panic|serious|eil|dring|notfall|haast|spoed|срочн|пробл)"
    r"\w*(?: working)?\b|問題(?:なく|あり?ません)|没有?问题|문제 ?없"
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
    r"\byou will not (?:to )?be able to\b.*|\bif you (?:do not|don't) renew\b.*|\bplease (?:do not|don't)\b|"
    rf"{_NO_TROUBLE}"
)
"""What is no word of trouble, so that the rest of its sentence is judged without it.

*You will not be able to* and *if you do not renew* are of GitLab's own warnings.
Source: GitLab, `expiring_subscription_message.rb`.
"""
_WHOLE = (
    r"(?:(?:our|the|this|whole|entire|production|self[- ]managed) )*"
    r"(?!all are\b)(?:it|everything|all|gitlab|instance|server|system)(?: (?:instance|server|system))?"
    r"(?: (?:is|are)|'s)?"
)
_FINALLY = (
    "fine|ok|normally|yet|now|so far|for now|at the moment|but soon|"
    r"but (?:i'?m|i am|we'?re|we are) (?:worried|afraid)(?: (?:that|it|this|may|might|could|will|soon|stops?|changes?|"
    r"ends?|expires?|during|over|about|on|the|our|weekend|tomorrow|monday|licen[sc]e))*"
)
_STATED = re.compile(
    r"(?:(?:so far|for now|at the moment|luckily|yes|and),? )?"
    rf"(?:{_WHOLE} (?:(?:still (?:work(?:s|ing)?|runs?|up|(?:up and )?running)|"
    rf"not (?:yet )?(?:in )?{_READ_ONLY}(?: mode)?)(?:,? (?:{_FINALLY}))*|"
    r"(?:(?:will|going to|about to) (?:soon )?(?:be|become|go|turn|switch|change|get|fall)(?: (?:in)?to)?|becomes)"
    rf" {_READ_ONLY}(?: mode)?(?:,? (?:{_WHEN}))*)"
    rf"|we(?: are|'re) not (?:yet )?(?:in )?{_READ_ONLY}(?: mode)?"
    r"|(?:we|(?:(?:all|our) )?users|every(?:one|body)) can (?=still |.* (?:normally|as usual)$)(?:still )?"
    r"(?:push|merge|commit|work)(?: and (?:push|merge|commit))?(?: normally| as usual)?)"
)
"""A whole sentence that says of the whole instance that it works. With any other word it may say something else."""
_STATED_BEFORE = re.compile(
    rf"\b(?:before|until) (?:{_WHOLE}|we(?: are|'re)?) (?:becomes? |goes? |turns? )?{_READ_ONLY}"
)
"""The end of one that asks for something before it does not work any more."""
_AGAIN = re.compile(
    rf"(?:(?:now|ok|good news) )*(?:{_WHOLE} (?:all )?(?:works?|working|back(?= (?:online|to normal))|"
    r"(?:up and )?running|up|online|usable|writable)"
    r"(?: (?:again|now|fine|normally|as before|online|to normal))+"
    r"(?: after (?:the |an? )?(?:upload|renewal|installation))?|"
    r"(?:(?:works|working|(?:up and )?running|up) again|back (?:online|to normal))(?: (?:now|again|fine|normally))*|"
    r"we can (?:push|commit|work|merge) again|"
    r"(?:(?:this|it|that|all|everything|(?:the )?(?:issue|problem))(?: is|'s| has been)? )?(?:solved|resolved|fixed)"
    r"(?: on (?:our|my) (?:side|end))?)"
    r"(?: now)?|(?:(?:es|alles|gitlab) )?(?:läuft|geht|funktioniert) (?:jetzt |nun )?(?:alles )?wieder|"
    r"hat sich erledigt|(?:tout |ça |gitlab )*(?:marche|fonctionne) (?:de|à) nouveau|ça remarche|ya funciona|"
    r"(?:todo )?funciona (?:de nuevo|otra vez)|(?:tutto )?funziona (?:di nuovo|ora)|(?:tudo )?voltou a funcionar|"
    r"(?:alles )?werkt weer|działa (?:znowu|ponownie)|(?:вс[её] )?снова работает|"
    r"(?:(?:das|le|el|il|o|het) )?(?:problem|problème|problema|probleem|проблема)(?: (?:ist|hat sich|est|está|ha sido|"
    r"è|è stato|foi|is|został))? (?:behoben|gelöst|erledigt|résolu|réglé|resuelto|solucionado|risolto|resolvido|"
    r"opgelost|rozwiązany|решена)|解決しました|直りました|(?:问题)?已(?:经)?解决了?|해결되었습니다"
)
"""A whole clause that says that it works again, whatever was said before."""
_COURTESY = _listed(
    """
    thank thanks you for your the help thx cheers regards best kind many a lot much so very danke dank vielen
    herzlichen viele grüße merci beaucoup gracias grazie mille obrigado obrigada muito bedankt спасибо
    ありがとう ありがとうございます 谢谢 감사합니다 hi hello dear hallo team support all never mind false alarm please
    """
)
"""Words that say nothing of the instance."""
_LICENSE = _listed("license licence licenses licences subscription premium ultimate trial grace renewal invoice quote")
_BESIDE_LICENSE = _LICENSE | _listed(
    """
    a an the this our my your we i you us it they is are was were will be has have had s ve re ll m to for on in at by
    from with and gitlab instance period renew renewed extend extension expire expired expires expiring ended ends runs
    ran out about soon please can could need needs new urgent urgently help request question send paid invoice quote
    today tomorrow yesterday now already monday tuesday wednesday thursday friday saturday sunday weekend week day days
    month months january february march april may june july august september october november december next last
    """
)
_DONE = _listed(
    "key file code mail ticket case uploaded installed applied added imported received got found sent gave close closed"
)
_BESIDE_DONE = _DONE | _BESIDE_LICENSE | _listed("reseller procurement purchasing colleague sales also closing just")
"""The only words that may stand in other sentences: of a license, and, after it, of what became of that.

Any other may limit what was said (*but only for admins*), or speak of trouble that is not known here.
"""
_FAILED = (
    r"\berror|\b[45][0-9][0-9]\b(?! (?:\w+ )?(?:users?|seats?|people|developers?|licen))|\bdown\b|fail|\bden(?:y|ie)|"
    r"declin|forbid|permission|happened|\block|stuck|froze|\b(?:halt|h[au]ng)(?:s|ed|ing)?\b|\bhäng|\b(?:is|are|went|"
    r"switched|turned) off\b|gr[ea]yed|gris[ée]|disabl|refus|reje?c|invalid|exceed|downgrad|demot|\blost\b|stopped|"
    r"blo[ck]|\bbreak|bounce|complain|this licen[sc]e has already|true-?up for|"
    r"vanish|dis+ap+e|went away|\bgone\b|\bidle\b|(?:restricted|limited|reduced) to|\bonly (?:view|read|look|see|"
    r"brows)|\b(?:look|view|see|read|brows)\w*[- ]only|\b(?:can|may|could|able to) (?:\w+ )?(?:look|view|see|read|"
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
    r"\bcan (?:still |all )*(?:push|merge|commit|work)\b|\bnoch arbeiten\b|\b(?:va|todo|alles|tutto|tudo|всё) (?:bien|"
    r"gut|bene|bem|хорошо)\b|\brun(?:s|ning)\b|\bup\b|\bok\b|fine|usable|normal|as usual|go(?:es)? through|operation|"
    r"back online|"
    r"show|displa|banner|bar\b|funktion|läuft|laufen|klappt|fonction|marche|opération|funciona|funziona|werkt|funguj|"
    r"działa|работает|funkar|fungerer|正常|動作|운영|정상|çalışıyor"
)
"""A sentence of the first two, about the instance or the work on it, is not understood without one of the third."""
_FOREIGN = re.compile(
    r"^[ \t]*[-_=#]{2,}[^\n]{3,80}[-_=#]{2,}[ \t]*$|^[^\w\n]*[\w ]{2,14}\**[:：]|^[^\n]*(?:[:：][ \t]*$|@)",
    re.MULTILINE,
)
"""Where another mail may begin: a line between dashes, a header, what ends in a colon, or an address."""
_IS_MAIL = re.compile(
    r"[ \t]*[-_=#]{2,}|[^\w\n]*(?:from|von|de|da|van|fra|från|od|от|date|sent|gesendet|to|an|subject|betreff)\**"
    r"[ ]?[:：]|"
    r"[^\n]*(?:<[^>\n]+@[^>\n]+>|(?:wrote|writes|schrieb|écrit|escribió|scritto|escreveu|schreef)[ ]?:)",
    re.IGNORECASE,
)
"""Where another mail does begin; else it may be the sender's own note: *PS: only for admins*."""
_QUOTED = re.compile(r"(?m)^[ \t]*[>|].*$")
_QUESTION = re.compile(r"(?<![^.!?\n])[^.!?\n]*\?")
_SENT = (
    r"mail|li[cz]en|\blic\b|inbox|message|\ba[ck]{0,2}ti[vw](?:atio|aci|aç|ierung|azion|ering|asyon)|\bkey\b|schlüssel|"
    r"\bclé\b|\bclave\b|\bchave\b|\bchiave\b|sleutel|klucz|ключ|лиценз|激活|アクティベ|"
    r"ライセンス|メール|许可证|邮件|라이선스|메일|correo|courriel|lisans|lisens|письм"
)
_COMES = (
    r"rec(?:ei|ie)v|arriv|deliver|made it|appear|zugestellt|(?:get|got|getting|come|came) through|seeing|locate\b|"
    r"in (?:either|neither)\b|c[ao]me\b|got\b|gotten|reach|been sent|sent to (?:me|us|my|our)\b|"
    r"land|(?:show|turn)(?:ed)? up|saw\b|"
    r"seen|\bt?here\b|inbox|mailbox|spam|among|(?:was|were|is|nothing) attached|"
    r"see\b(?!.{0,30}\b(?:page|portal|area|instance|problem|error)\b)|"
    r"f(?:i|ou)nd\b(?!.{0,30}\b(?:page|button)\b| where| how)|"
    r"(?:get|had) (?:a|an|any|the|our|it|licen\w*)\b(?!.*(?:work|install|accept|done|problem|issue))|"
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
_NOT_THERE = (
    rf"{_ABROAD}|"
    rf"(?:{DENIED}|havent|hasnt|didnt|without|yet to|fail\w* to)[^.]{{0,40}}(?:{_COMES})|no (?:sign|trace) of|"
    rf"reçu aucun|\bfehlt|\bmanque|\bfalta\b|\bmanca\b|ontbreekt|brakuje|(?:did|has|was)(?: not|n't)$|"
    r"nowhere|nulle part|ningún lado|nirgends|nergens|\bre-?send|renvoy|reenvi|\bfinden?\b.*\bnicht\b|再送|再发|"
    rf"\b{_SEND}\b.{{0,30}}\b{_AGAIN_PLEASE}\b|\b{_AGAIN_PLEASE} (?:\w+ )?{_SEND}|"
    r"(?:mail|attach|message|licen[sc]e).{0,30}\b(?:missing|lost|deleted|bounced)\b|\b(?:lost|deleted)\b.{0,30}mail|"
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
    r"(?:attachment|licen[sc]e|\bkey)\b.{0,30}(?:removed|stripped|quarantin|filtered)|(?:inbox|mailbox|"
    r"folder) is (?:still )?empty|(?:removed|deleted|stripped) (?:\w+ ){0,2}attachment|\bwart(?:e|en|et)\b|attend(?:s|"
    r"ons)?\b|esperando|aguardando|aspett(?:o|iamo|ando)|\bwacht(?:en)?\b|czekamy|жд[уеё]|gelmedi|ulaşmadı|alamad|"
    r"almad|待って|等|(?:届|来|受け取|受信)[^。、]{0,6}(?:ない|なく|ませ)|没有?收到|未收到|받지 못|못 받"
)
_NOTHING = _listed("nothing not never t rien nichts nada niente")
_NOT_IT = _NOTHING | _listed(
    """
    but no and so still far yet since i we you it they that this them anything us me is are isn aren was wasn were weren
    have haven has hasn had hadn did didn do don ve got get received receive see seen find found arrived arrive came
    come reached reach showed show up here there in my our the spam junk inbox mailbox folder today until noch bisher
    bisher bekommen erhalten reçu recibido ricevuto
    """
)
"""Words of which a clause consists that says that something has not come, which is named near it; one of the first."""
NEAR_CHARS = 200
"""How far before it is looked for."""
_MAIL = r"e-?mails?|mails?|messages?|correos?|courriels?"
_OTHER_MAIL = re.compile(
    r"(?:\b\w+[- ])?\b(?!(?:an?|the|our|your|my|this|that|its?|any|no|every|one|new|latest|last|first|single|promised|"
    r"announced|automatic|emergency|trial|temporary|weekend|activation|product|gitlab|subscription|renewal|renewed|"
    r"li[cz]en\w*|by|via|per|with|without|in|of|for|from|and|or|to|through|as|e|have|has|got|get|gotten|receive[ds]?|"
    r"receiving|see|seen|find|found|send|sent|not|yet|ever|un|une|le|la|el|il|lo|o|um|uma|mi|mon|notre|nuestro|ningún|"
    rf"aucun|der|die|das|den|eine?|keine?|per|via|por|par|pas|de|du|del|met|geen|nessuna|pela|key|mail|"
    rf"e-mail)\b)\w+[- ]"
    rf"(?:{_MAIL}|(?<!activation )code(?: (?:{_MAIL}))?|key)\b"
    r"(?: (?:by|via|per|in) (?:an? )?(?:e-?mail|sms))?(?: for (?:the |our |my |your )?(?!li[cz]en)\w+(?: (?:portal|"
    r"account))?)?"
    r"|\b(?!li[cz]en|e-?mail|lic-)(?:\w+-)?\w{4,}(?<!lizenz)(?<!licentie)mails?\b"
    r"|\b(?:e-?mails|mails|messages|(?:send|get|gets|receive) e?-?mail)\b(?!.{0,200}(?:li[cz]en|\bfrom you\b|\bkey\b))"
)
"""A mail, a key or a code that is another than the license's, by the word before it, or one of many."""
_COUNTED = re.compile(r"\b[0-9]+ (?:\w+ )?(?:li[cz]en\w+(?: seats?)?|seats?)")
"""Licenses that are seats."""
_NOT_ASKED = re.compile(
    r"\b(?:do|does|did)(?: not|n't) (?:know|remember|recall|care)\b|\bno idea\b"
    r"|\bplease (?:do not|don't|never) (?:\w+ )?(?:send|mail|e-?mail|forward)\b.*"
)
"""What is denied beside a license, and says nothing of its mail."""
_IN_INSTANCE = re.compile(
    r"\badmin(?:istration)?[ -](?:area|panel|page|bereich)|\bdashboard|\binstan[cz]|gitlab\.rb|\bdatabase|"
    r"\b(?:licen[sc]e|subscription) page|\bunder (?:admin|subscription|licen)|\bupload|\binstall|\brestart|\breboot|"
    r"\bupgrade|\b(?:on|from|in) (?:the|our) (?:server|gitlab|system)"
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
    r"na) (?:\w+ ){0,3}(?:li[cz]en\w+|renewal))?|"
    r"\byour (?:\w+ )?(?:e-?mail|message|reply|answer)\b(?! (?:with|containing))|"
    r"\blicen[sc]e (?:(?:has|had|is|was|would|will) )?(?:expir|ran out|end|laps)\w*"
)
"""Mails about something else, and a license that had come."""
_OBJECT = re.compile(
    rf"(?:{DENIED}|havent|hasnt|didnt)[^.]{{0,20}}\b(?:receiv\w+|get|got|gotten) (?:an?|the|any|our|my|his|her|their) "
    rf"(?!(?:(?!(?:for|of|on|to|that|we|with|about|from|in|which|by)\b)[\w-]+ ){{0,4}}[\w-]*(?:{_SENT}))"
)
"""What was not received is another thing: *the discount that we were promised on the license*."""
_OVER_CLAUSES = re.compile(
    r"(?:receiv\w+|\bgot|c[ao]me|arriv\w+|\bsent)\b[^.]{0,60}\bbut (?:not|no) (?:the |our |your |any |an? )?"
    rf"(?:\w+ )?(?:{_SENT})|\bwait\w* since (?:\w+ ){{1,3}}for (?:[\w-]+ ){{0,3}}(?:{_SENT})"
)
"""What is said over the end of a clause."""
_SENDING = rf"{_COMES}|{_SEND}|\bsent\b|attach"
_IF = re.compile(r" ?(?:if|unless|in case|wenn|falls|si|se|als|jeśli|если)\b")
_HYPOTHETICAL = re.compile(
    r"(?:^|(?<=[.!?\n]))[ \t]*(?:what (?:happens|if)|(?:will|would) (?!you)|until when)[^.!?\n]*\?", re.IGNORECASE
)
"""A question about what may come."""


def says_it_works(texts: Iterable[str], writers: Iterable[str] = ()) -> Answer:
    """Whether the instance still works; UNKNOWN if the words do not say.

    NO if a sentence denies something, speaks of trouble, or is about the instance and not understood: few words are
    known here, and a person can ask. A denial of paperwork is none: *our invoice has not arrived*. YES only in the
    sender's own plain words, beside which they write of nothing but the license; or if the last text says so, that it
    works again.
    What they quote or forward is older, such as GitLab's *will become read-only*. A part of an instance may work where
    the rest does not. A question says nothing.

    Args:
        texts: The ticket's subject, then what was written, oldest first.
        writers: The names of those who wrote, which may stand below a text.
    """
    names = {word for name in writers for word in words_of(word_key(name))}
    texts = [_HYPOTHETICAL.sub(" ", text[:MOST_CHARS]) for text in texts]
    while len(texts) > 1 and words_of(word_key(texts[-1])) <= _COURTESY | names:
        texts.pop()
    own = [_QUESTION.sub(" ", _QUOTED.sub("", _before_mail(text))) for text in texts]
    is_over = _is_said(own[-1:], _is_again, names)
    current = [_QUOTED.sub("", texts[-1])] if is_over else texts
    unclear = [
        one for one in sentences_of(own[-1:] if is_over else own) if _is_about_instance(one) and not _FINE.search(one)
    ]
    if unclear or any(map(_is_trouble, sentences_of(current))):
        return Answer.NO
    return Answer.YES if is_over or _is_said(own, _is_still, names) else Answer.UNKNOWN


def _before_mail(text: str) -> str:
    """A text up to where another mail may begin; with one unknown word in its place if that may be the sender's own."""
    found = _FOREIGN.search(text)
    if found is None:
        return text
    return text[: found.start()] + ("" if _IS_MAIL.match(text, found.start()) else "…\nunread")


def _is_still(sentence: str, names: set[str]) -> bool:
    """Whether a sentence, but for thanks in it, says of the whole instance that it works."""
    own = ", ".join(clause for clause in _clauses(sentence) if not words_of(clause) <= _COURTESY | names)
    before = _STATED_BEFORE.search(own)
    asks = before is not None and before.end() == len(own) and words_of(own[: before.start()]) <= _BESIDE_LICENSE
    return asks or bool(_STATED.fullmatch(own))


def _is_again(sentence: str, names: set[str]) -> bool:
    """Whether a clause of a sentence says that it works again, and the others only what was done."""
    others = [clause for clause in _clauses(sentence) if not _AGAIN.fullmatch(clause)]
    return len(others) < len(_clauses(sentence)) and all(_is_aside(one, names, _DONE, _BESIDE_DONE) for one in others)


def _is_said(texts: Sequence[str], says: Callable[[str, set[str]], bool], names: set[str]) -> bool:
    """Whether a sentence of some texts says it, and the others are of thanks and the license alone."""
    sentences = [sentence for sentence in sentences_of(texts) if sentence]
    first = next((at for at, one in enumerate(sentences) if says(one, names)), len(sentences))
    before, after = sentences[:first], [one for one in sentences[first + 1 :] if not says(one, names)]
    return (
        first < len(sentences)
        and all(_is_aside(one, names, _LICENSE, _BESIDE_LICENSE) for one in before)
        and all(_is_aside(one, names, _LICENSE | _DONE, _BESIDE_DONE) for one in after)
    )


def _is_aside(sentence: str, names: set[str], about: Set[str], beside: Set[str]) -> bool:
    """Whether words are only of thanks, or only of what is named here, in words that may stand beside that."""
    words = words_of(sentence) - _COURTESY - names
    return not words or (words <= beside and bool(words & about))


def _clauses(sentence: str) -> list[str]:
    return [clause.strip() for clause in re.split("[,;]", sentence)]


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


def says_mail_missing(texts: Iterable[str]) -> bool:
    """Whether a clause says that a license or its mail has not come, also one that was named shortly before it."""
    before = ""
    for sentence in sentences_of(texts):
        near = f"{before} {sentence}"
        for clause in re.split(CLAUSE, _about_license(sentence)):
            is_denied = re.search(_SENT, clause) and re.search(_NOT_THERE, clause) and not _IF.match(clause)
            is_of_mail = _OF_A_MAIL.search(clause) or not _IN_INSTANCE.search(sentence)
            if is_denied and is_of_mail and not _OBJECT.search(clause):
                return True
        if _OVER_CLAUSES.search(sentence):
            return True
        said = [words_of(clause) for clause in re.split(CLAUSE, sentence)]
        nothing_came = any(words <= _NOT_IT and words & _NOTHING for words in said)
        if nothing_came and re.search(_SENT, near) and re.search(_SENDING, near):
            return True
        before = near[-NEAR_CHARS:]
    return False


def _about_license(sentence: str) -> str:
    """A sentence without what may be missing beside a license and its mail."""
    for other in (_OTHER_THING, _OTHER_MAIL, _COUNTED, _NOT_ASKED):
        sentence = other.sub(" ", sentence)
    return sentence
