"""What a ticket's words hint at: an instance that takes nothing, one that works, a mail that has not come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.domain.models import Answer
from runbook_lib.domain.ticket_words import says_it_works, says_mail_missing


@pytest.mark.parametrize(
    "text",
    [
        "Our instance is read-only since last night",
        "GitLab read only!!",
        "since this morning nobody can push",
        "We cannot merge anything",
        "GitLab rejects the new license when we upload it",
        "The renewal was rejected.",
        "the license could not be installed: invalid license",
        "No pushes possible, license attached",
        "Our deploys have been blocked since Wednesday because GitLab does not accept pushes",
        "License ran out, instance locked",
        "It won’t accept the key",
        "The web page still works but nobody can push",
        "Unsere Instanz ist schreibgeschützt",
        "GitLab ist nur noch lesbar, nur Lesezugriff",
        "Die neue Lizenz wurde abgelehnt",
        "Der Lizenzschlüssel wird nicht akzeptiert",
        "Wir können nicht mehr pushen",
        "Notre instance est en lecture seule",
        "La nouvelle licence est refusée",
        "GitLab n’accepte pas la clé",
        "La instancia está en modo de solo lectura",
        "La licencia fue rechazada",
        "No podemos hacer push",
        "A instância está somente leitura",
        "A licença foi rejeitada",
        "Não conseguimos fazer push",
        "インスタンスが読み取り専用になっています",
        "新しいライセンスが拒否されました",
        "プッシュできません",
        "实例变成只读了",
        "экземпляр только для чтения",
    ],
)
def test_words_of_an_instance_that_takes_nothing(text: str) -> None:
    """Then a license that still runs is not taken for the installed one."""
    assert Answer.NO is says_it_works(["Hello", f"Good morning. {text}\nRegards"])


@pytest.mark.parametrize(
    "text",
    [
        "Everything still works but I am worried that it stops during the weekend",
        "It will become read-only on Monday",
        "GitLab is not read-only yet",
        "Please send us a license before it is read-only",
    ],
)
def test_words_of_an_instance_that_works(text: str) -> None:
    """There is no question."""
    assert Answer.YES is says_it_works([text])


@pytest.mark.parametrize(
    "text",
    [
        "there is a red banner about our license on every page",
        "License unlocked everything",
        "Bonjour, voici notre licence",
        "ライセンスを添付します",
        "Ni rajtas nur legi",
        "",
    ],
)
def test_words_that_say_neither(text: str) -> None:
    """Then a renewal is a question, and a license whose grace period runs is none."""
    assert Answer.UNKNOWN is says_it_works([text])


@given(texts=st.lists(st.text(), max_size=3))
def test_any_text_is_looked_at(texts: list[str]) -> None:
    """Customer text does not raise."""
    assert says_it_works(texts) in Answer


@pytest.mark.parametrize(
    "words",
    [
        "We have not received the mail.",
        "Nothing has arrived in my inbox so far",
        "The e-mail never came",
        "I still haven’t got the license",
        "The license mail isn't in my inbox, and not in spam either",
        "WE DIDN'T RECEIVE ANY EMAIL",
    ],
)
def test_a_missing_mail_is_heard(words: str) -> None:
    """In any of the usual ways to say it."""
    assert says_mail_missing(["Hello.", f"Hi team,\n{words}\nThanks"])


@pytest.mark.parametrize(
    "words",
    [
        "",
        "License expired, GitLab is read-only",
        "Since this morning nobody can push. GitLab says that the license has expired.",
        "I do not have the file. I am not the one who installed the license.",
        "Our renewal is with purchasing and will not be signed before Monday",
        "Please send the new license to this mail address. Pushing does not work.",
    ],
)
def test_other_troubles_are_no_missing_mail(words: str) -> None:
    """A license that has run out is not one that has not come."""
    assert not says_mail_missing([words])


def test_a_long_text_is_read_quickly() -> None:
    """A hostile one cannot keep the runbook busy: only its beginning is read, sentence by sentence."""
    assert not says_mail_missing(["not " * 1_000_000])
