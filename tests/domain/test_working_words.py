"""What a ticket's words hint at: trouble, or an instance that works."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.domain.working_words import says_it_works, speaks_of_trouble


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
        *("everything is read\u2011only", "read \u2013 only mode", "Our instance is R/O", "read\u00adonly since 5am"),
        *(
            "our users can\u2018t push",
            "users cant push",
            "pushing is disabled",
            "push is not working",
            "it no longer works",
        ),
        *("merging fails", "The web page still works but pushes don't go through", "We can still work but not push"),
        *(
            "It will stay read-only until you help",
            "it has become read-only",
            "We need it before Monday: read-only now",
        ),
        *("until the license arrives we are read-only", "When we would like to push it says read-only"),
        *("Could you send a license soon, instance is read-only", "it will not get better: we are read-only"),
        *("this installation had 300 active users, exceeding this license's limit of 250 by 50 users",),
        *(
            "Your license does not cover the number of users",
            "modo solo-lectura",
            "المثيل للقراءة فقط",
            "μόνο για ανάγνωση",
        ),
        *(
            "! [remote rejected] main -> main (pre-receive hook declined)",
            "You have applied a True-up for 10 users but you need one for 20 users",
            *("Nothing works any more", "GitLab is down since the license ended"),
            'Users get "forbidden" on push',
            "We get 403 when pushing",
            "Es kann nicht mehr gepusht werden",
            "on ne peut plus pousser",
            "no podemos subir cambios",
            "nie możemy pushować",
            "не можем пушить",
            "푸시가 안 됩니다",
            "Kan niet meer pushen",
        ),
        *(
            "nothing still works",
            "Login still works, but git operations return an error",
            "Viewing repositories is still working. Nothing else is",
            "It still works. Our own servers are down",
            "GitLab said it will become read-only. Today it happened",
            "GitLab still works... NOT",
        ),
        *(
            "Please delete your current license if you want to downgrade to the free plan.",
            'When we upload the renewal we get "This license has already expired."',
            "which exceeds your new subscription seat count of 18 by 4",
            "HTTP 500 on push since this morning",
            "Merge button is greyed out",
            "We cannot save anything in GitLab",
            "Everything is frozen",
            "We uploaded the new licence but it's not taken",
            "Lovely weekend: nobody here can push a single line.",
        ),
        *(
            "Unsere Entwickler können seit heute früh nichts mehr pushen",
            "Die neue Lizenz lässt sich nicht einspielen",
            "Speichern schlägt fehl",
            "Rien ne marche",
            "on n'arrive pas à commiter",
            "La nueva licencia no funciona",
            "está tudo parado",
            "A nova chave não é aceita",
            "コミットできなくなりました",
            "プッシュがエラーになります",
            "提交失败",
            "Новая лицензия не принимается",
            "Non va più niente",
            "nic nie działa",
            "Det går inte att pusha",
            "푸시할 수 없습니다",
        ),
        *(
            *("Can we get this fixed, the instance is read-only?", "Is it normal, that nobody can push?"),
            "Our repos behave like a museum: look, but hands off.",
            "Git pull fine, git push: nope.",
            "We've been put into some kind of viewer mode.",
            "Please help, work has come to a halt.",
            "Gli sviluppatori sono fermi.",
            "GitLab weigert onze wijzigingen.",
            "Udviklerne kan kun se koden.",
            "サーバーが書き込みを拒否します。",
            "We may look but not touch.",
            "We can look at everything but not touch anything.",
            "All repositories are in view-only mode",
            "Users are restricted to viewing.",
            "The instance went into maintenance mode by itself.",
            "Epics and approval rules vanished since the license expired.",
            "Issues can be opened but not closed",
            "It still works. But runners sit idle",
            "users are not abel to comit",
            "I do not know whether it still works",
            "On peut consulter mais plus rien modifier.",
            "On ne peut que lire les projets.",
            "Da stamattina possiamo solo leggere, ogni push viene respinto.",
            "Só dá para visualizar",
            "Man kann nur noch lesen",
            "Wij kunnen alleen kijken",
            "Dezvoltatorii nu pot face push.",
            "Οι χρήστες δεν μπορούν να κάνουν push.",
            "המפתחים לא יכולים לבצע push.",
            "Các lập trình viên không thể push code.",
            "Para developer tidak bisa push.",
            "開発者が作業できずに困っています。",
        ),
        *(
            "Our invoice was paid, but nobody can push.",
            "Since the order was not booked we cannot do anything.",
            "Our developers were demoted to Guest overnight.",
            "Alle Nutzer sind plötzlich nur noch Gäste.",
            "El equipo está de brazos cruzados desde ayer.",
            "Devs are twiddling their thumbs since midnight.",
            "our ultimate functions dissapeared over night",
            "License attached.\n-- \nTim\n\nPS: pushes are rejected",
        ),
        *("pouze pro čtení", "skrivskyddad", "skrivebeskyttet", "csak olvasható", "ระบบเป็นแบบอ่านอย่างเดียว", "chỉ đọc"),
    ],
)
def test_words_of_trouble(text: str) -> None:
    """Then a license whose grace period runs is not taken for the installed one, and nothing is asked."""
    written = f"Good morning. {text}\nRegards"
    assert speaks_of_trouble(["Hello", written])
    assert not says_it_works(written)


@pytest.mark.parametrize(
    "text",
    [
        "Everything still works but I am worried that it stops during the weekend",
        "It will become read-only on Monday",
        "GitLab is not read-only yet",
        *("Our GitLab instance still works for now", "We are not yet in read-only mode", "It is still working"),
        *("GitLab is running fine, thanks.", "The license expired. The instance is still usable for everyone."),
        *("GitLab is still up and running", "We can still push and merge.", "All users can work normally."),
        "Our license expired yesterday. Everything still works. Can you send a renewal?\nThanks, Kim",
        "Just to confirm: we are not in read-only mode, GitLab is working as usual.",
        "The license expired yesterday but so far our GitLab instance works without any problems.",
        *("> Is it usable?\n\nYes, our instance is still usable.", "No outage, GitLab keeps working as before."),
        "GitLab is working normally at the moment, we only see the yellow banner that the subscription has expired.",
        "Unsere Lizenz läuft morgen ab. GitLab funktioniert noch ohne Einschränkungen.",
        "La licencia venció ayer, pero GitLab sigue funcionando con normalidad.",
        *("Unsere GitLab-Instanz funktioniert noch ganz normal.", "Notre instance fonctionne encore normalement."),
        *("Licencja wygasła wczoraj, ale wszystko działa normalnie.", "Лицензия установлена, всё работает. Спасибо!"),
        *("Yeni lisansı yükledik, sistem tekrar çalışıyor.", "Lisensen er lastet opp og GitLab fungerer igjen."),
        *("It works again, procurement uploaded the new key. You can close this ticket.", "This is resolved, thanks."),
        *("Never mind, it's working now. Thanks!", "All is back to normal.", "Hat sich erledigt.", "Ça remarche !"),
        *("It works again. Have a nice weekend!", "It works again 🎉 :-)", "The error is gone, GitLab works again."),
        *(
            "It works again. No idea what it was.",
            "Works again, we see no errors.",
            "Solved!\n\n> Nobody can push.",
        ),
        *("The instance is not locked any more and works again.", "- GitLab works again.", "Probleem opgelost"),
        *("Die Lizenz ist eingespielt, es läuft alles wieder einwandfrei.", "Funziona tutto di nuovo, grazie!"),
        *("Tudo está funcionando novamente, obrigado.", "解決しました。ありがとう。", "已解决，谢谢。"),
        *("GitLab works again on staging", "It works again for admins.\nPS: epics are missing", "80% works again"),
    ],
)
def test_words_of_an_instance_that_works(text: str) -> None:
    """Also of a part of it, which is for a person to find out; whatever was said before."""
    assert says_it_works(text)
    assert says_it_works("Nobody can push.", [text, "Thanks!"])


@pytest.mark.parametrize(
    "text",
    [
        *("When it works again, tell us", "Is it fixed?", "> It works again\n\nReally", "Any news?", "Good news"),
        *("It works again. But merging does not.", "Not solved yet.", "I thought it was fixed, but it isn't."),
        *("It works again. The same as before, sorry: locked.", "It was working again for an hour", "Fixed? No."),
        *("The problem is back now.", "We have the problem again", "It is up to you now.", "it is soon back to normal"),
        *("Please send a license\nso that we can work again.", "so we can all work again", "we want it working again"),
        *(
            "As soon as it works again",
            "Once you send it, it works again",
            "When will it be fixed",
            "If it works again",
        ),
        *("Please confirm that it works again.", "Let me know when the problem is solved", "get us running again"),
        *("I hope the issue is resolved soon", "We can work again tomorrow", "it works now. Then it stopped."),
        *("We can push again as soon as we get the license", "GitLab is up again but pushes hang"),
        *(
            "Bitte senden Sie eine Lizenz, damit alles wieder läuft.",
            "Merci d'envoyer la licence pour que ça marche.",
        ),
        *("All good on our end, here are the screenshots you asked for.", "Sorted. Here are the screenshots."),
        *("Please make sure that GitLab still works on Monday", "I hope it still works tomorrow"),
        *("GitLab Support wrote:\n\nIt still works.", "From: GitLab\nIt still works.", "Does it still work?"),
    ],
)
def test_words_of_one_that_should_work(text: str) -> None:
    """What is wished for, asked, quoted or taken back is not said, whether or not trouble was spoken of before."""
    assert not says_it_works(text)
    assert not says_it_works("Nobody can push.", [text])


@pytest.mark.parametrize(
    "text",
    [
        "there is a red banner about our license on every page",
        "License unlocked everything",
        "Bonjour, voici notre licence",
        "ライセンスを添付します",
        "Ni rajtas nur legi",
        *("Does it still work?",),
        *(
            "Please make sure that GitLab still works on Monday",
            "I hope it still works tomorrow",
            "GitLab still works? I doubt it",
            "Is it normal that it is not read-only yet?",
        ),
        "On Nov 1 GitLab wrote:\n> Your instance will become read-only on Nov 20.\n",
        "---------- Forwarded message ---------\nFrom: GitLab\n\nAfter the grace period it will be read-only.",
        "-----Ursprüngliche Nachricht-----\nIt still works for 14 days.",
        "Von: GitLab\nGesendet: Montag, 2. November 2026\nBetreff: Lizenz\n\nIt will be read-only soon.",
        "Am 02.11.2026 um 10:00 schrieb GitLab:\nYour instance will be read-only soon.",
        "*From:* GitLab\n*Sent:* Monday\n*To:* Kim\nIt still works.",
        "On Fri, Nov 6, 2026 at 8:00 AM GitLab <noreply@gitlab.example>\nwrote:\n\nIt still works.",
        "2026年11月6日(金) 8:00 GitLab <noreply@gitlab.example>:\n\nIt still works.",
        "GitLab Support wrote:\n\nIt still works.",
        "##- Please type your reply above this line -##\n\nIt still works.",
        "From: GitLab\nIt still works.",
        "We have 450 users and 500 active seats. Bitte verlängern Sie unsere Lizenz.",
        "After that, you will not be able to create issues or merge requests as well as many other features.",
        *("GitLab shows a yellow bar since the license ended.", "Pushes go through, merges too."),
        *(
            "Our GitLab subscription ended.",
            "Verlängert. Bis wann können wir arbeiten?",
        ),
        *(
            "Die Lizenz ist abgelaufen. Bitte um Verlängerung.",
            "Notre licence a expiré hier.",
            "许可证已过期，请帮助续期。",
        ),
        *("There is a red banner. Nothing is broken.", "No impact yet, users can push and merge."),
        *("This is not urgent, all features work.", "No users are affected so far.", "There is no outage"),
        *("Nothing has stopped working", "Pas d'urgence, tout va bien."),
        *("No es urgente, todo va bien.", "Nessun problema al momento", "現在は問題なく動作しています。", "没有问题"),
        "Our license will lapse on Friday, after which merges will be rejected.",
        "What happens when the license expires? Will pushes be blocked?",
        "License attached.\n\n-- \nJane\nPlease consider the environment: can't you print less?",
        "Anbei.\n\nDer Inhalt ist vertraulich. Wenn Sie nicht der Adressat sind, informieren Sie uns.",
        "If you are not the intended recipient of this message, you must not use the license key in it.",
        *("Our invoice has not arrived.", "Die Rechnung ist noch nicht angekommen.", "Aún no tenemos la factura."),
        *("請求書がまだ届いていません。", "We don't have a purchase order yet.", "No news from our account manager"),
        "Please don't block our instance, the purchase order is on the way.",
        *("No urgency, but we wanted to be early.", "Please do not close this ticket.", "This isn't pressing."),
        "> If you do not renew by November 20, you can't use merge approvals, epics, or many other features.",
        "Quote, please.\n\nRegards\nJane Doe\nSenior DevOps Engineer\nLinux System Administrator",
        "Die Lizenz ist im Anhang enthalten, weitere Anhänge folgen.",
        "We have been waiting for the quote since Monday.",
        "",
    ],
)
def test_words_of_neither(text: str) -> None:
    """Then only a renewal is a question."""
    assert (False, False) == (speaks_of_trouble([text]), says_it_works(text))


@pytest.mark.parametrize(
    "text",
    [
        "Never mind, we found the renewal in a colleague's mailbox. Please close the ticket.",
        "False alarm - somebody had already applied the renewal.",
        *(
            "We are good now, please close this.",
            "The banner is gone.",
            "Please disregard, fixed.",
            "No longer needed.",
        ),
        "The red banner disappeared after I pasted the activation code.",
        *("You can close this, the new license has been applied.", "We uploaded the license and GitLab accepted it."),
        *("Renewal came through, it is valid until 2027 now.", "All set now. Sorry for the noise.", "大丈夫です"),
        "We have activated the subscription with the new code, thank you.",
    ],
)
def test_words_that_close_a_ticket(text: str) -> None:
    """They count as an answer; what opens a ticket may speak of an earlier license."""
    assert says_it_works("Nobody can push.", [text])
    assert says_it_works(text, ["Our developers can not push."]) is False


@pytest.mark.parametrize(
    "text",
    [
        *("We uploaded the new license and it was rejected.", "We tried to apply the key, no luck."),
        *("The license that is installed expired on 2026-11-06.", "Our admin who installed the license has left."),
        *("Thanks, we will upload it once we have it.", "Is the license applied automatically?", "Any news?"),
        *(
            "Please do not close this ticket.",
            "You may close this once it works.",
            "It is GitLab 17.4, installed here.",
        ),
    ],
)
def test_words_that_close_nothing(text: str) -> None:
    """Trouble, conditions, questions, and words on the license that ran out."""
    assert not says_it_works("Nobody can push.", [text])


@given(texts=st.lists(st.text(), max_size=3))
def test_any_text_is_looked_at(texts: list[str]) -> None:
    """Customer text does not raise."""
    assert {speaks_of_trouble(texts), says_it_works("", texts)} <= {True, False}


@pytest.mark.parametrize("text", ["not " * 1_000_000, ">\n" * 10_000, "\n" * 20_000, "=" * 20_000 + " log"])
def test_a_long_text_is_read_quickly(text: str) -> None:
    """A hostile one cannot keep the runbook busy: only its beginning is read, each sign of it a few times."""
    assert not says_it_works(text)
    assert ("not" in text) is speaks_of_trouble(["License", text])
