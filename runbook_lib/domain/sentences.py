"""A ticket's text as sentences and clauses, and what may be denied in them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from runbook_lib.domain.pasted import word_key

MOST_CHARS = 20_000
"""Only the beginning of a longer text is read."""
DENIED = (
    r"\b(?:no|nope|not|non|none|neither|nor|never|nothing|nobody|no ?one|nowhere|cann?o?t|unable|impossible|(?:do|does|"
    r"did|is|are|was|has|have|wo|could)nt|nichts?|keine?[nrms]?|niemand|niets?|geen|nooit|inte|ingen|ikke|aldri|aldrig|"
    r"ei|emme|eivät|não|nunca|jamais|ninguém|nenhum\w*|nadie|nada|ninguno?|niente|nessuno|nu|nimeni|nie|nikt|nigdy|"
    r"nikdo|nikto|nic|nič|nelze|ne[mjf]\w*|ne|nije|nismo|tidak|bukan|không|değil|yok|не|нет|нельзя|никто|никогда|"
    r"ничего|няма|ні|δεν|μην)\b|n't\b|\bn'[^.]{0,30}\b(?:pas|plus|rien|que?)\b|\brien ne\b|personne ne|"
    r"plus (?:personne|rien|aucun)|невозм|[ae]m[ıi]yor|ない|なく|ません|できず|不|无|無|没|未|없|않|못|"
    r"안 [됩되돼]|لا |لم |لن |ليس|نمی|לא |"
    r"אין |ไม่|नहीं"
)
"""Any negation: a person has to read what is denied, unless it is `PAPERWORK`."""
PAPERWORK = (
    r"\b(?:offer|nabíd|teklif|"
    r"invoice|quot(?:e|ation)|receipt|"
    r"(?:purchas|procure)(?!\w* (?:dep|team))|(?<!in )order|pay(?:ment|ing)?\b|paid\b|contract|budget|"
    r"billing|approval(?! rule)|sales\b|account (?:manager|rep)|renew\b|news\b|nouvelles|answer|credit card|reply|"
    r"reminder|certificate|risposta|respuesta|réponse|resposta|antwoord|odpowied|orçament|ofert|confirmation|"
    r"this ticket\b|rechnung|angebot|bestell|zahlung|vertrag|einkauf|factur|fattur|"
    r"fatura|devis\b|presupuesto|pedido|commande|ordine\b|pagamento|pago\b|paiement|preventivo|offert|zamówieni|faktur|"
    r"счет|счёт|оплат|договор)|請求|見積|注文|発注|支払|发票|报价|付款|合同|견적|청구"
)
"""Invoices, orders and the like: what is denied of these says nothing of the instance, nor of a license mail."""
CLAUSE = (
    r"[,;:]|\b(?:and|because|since|but|(?:al)?though|while|so(?! far)|und|weil|obwohl|aber|et|mais|parce|y|pero|porque|"
    r"aunque|e|ma|perché) "
)
SIGNATURE = re.compile(r"(?m)^-- ?\n(?:.+\n?)*")
"""Source: RFC 3676, 4.3."""
HYPOTHETICAL = re.compile(
    r"(?:^|(?<=[.!?\n]))[ \t]*(?:what (?:happens|if)|(?:will|would) (?!you)|until when|"
    r"is it (?:possible|normal) that|can we arrange)"
    r"(?:[^.!?\n]|\.(?=\w))*\?",
    re.IGNORECASE,
)
"""A question about what may come."""
_SMALL_PRINT = re.compile(
    r"\breceived [^.]{0,60}in error|\bintended recipient|\bnot received this message|confidenti|vertraulich|irrtüml|"
    r"riservat|destinat[aá]|\bthe environment\b|unsubscribe"
)
"""The foot of a mail, which speaks of mails, too."""


def sentences_of(texts: Iterable[str]) -> Iterator[str]:
    """The sentences of texts, as `word_key` has them, without signatures and the paragraphs of their small print."""
    for text in texts:
        body = SIGNATURE.sub("", text[:MOST_CHARS])
        for paragraph in re.split(r"\n\s*\n", body):
            if not _SMALL_PRINT.search(word_key(paragraph)):
                for sentence in re.split(r"(?<![0-9])[.]+(?=\s|$)|[!?。\n]+", paragraph):
                    yield word_key(re.sub("[‘’´`]", "'", sentence)).strip(" ,;:>")


def words_of(text: str) -> set[str]:
    """The words of a text, without figures."""
    return set(re.findall(r"(?!\d+(?:st|nd|rd|th)?\b)\w+", text))
