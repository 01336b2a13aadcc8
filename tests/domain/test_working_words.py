"""What a ticket's words hint at: an instance that takes nothing, one that works, one that works again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.domain.models import Answer
from runbook_lib.domain.working_words import says_it_works


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
        *("Our GitLab instance still works for now", "We are not yet in read-only mode", "It is still working"),
        "GitLab is running fine, thanks.",
        *("GitLab is still up and running", "We can still push and merge.", "All users can work normally."),
        "Our license expired yesterday. Everything still works. Can you send a renewal?\nThanks, Kim",
        "Our GitLab license runs out on Monday. The instance still works.",
        *("Our instance is still fully functional, we just want to renew in time.", "gitlab is working fine"),
        *("The instance is up and running, nobody here is blocked.", "We can use GitLab without restrictions."),
        "Just to confirm: we are not in read-only mode, GitLab is working as usual.",
        "The license expired yesterday but so far our GitLab instance works without any problems.",
        "We have no limitations right now, all users can work normally in GitLab.",
        *(
            "> Is it usable?\n\nYes, our instance is still usable.",
            "No outage on our side, GitLab keeps working as before.",
        ),
        *(
            "Our GitLab is operational, nobody is blocked. License expired last night.",
            "We are not read-only. It works.",
        ),
        "Unsere Lizenz läuft morgen ab. GitLab funktioniert noch ohne Einschränkungen.",
        "La licencia venció ayer, pero GitLab sigue funcionando con normalidad.",
        *("Unsere GitLab-Instanz funktioniert noch ganz normal.", "Notre instance fonctionne encore normalement."),
        *("it's not read-only yet, but soon", "It is going to turn read\u2011only", "It becomes read-only on Monday"),
    ],
)
def test_words_of_an_instance_that_works(text: str) -> None:
    """There is no question."""
    assert Answer.YES is says_it_works([text], ["Kim Lee"])


@pytest.mark.parametrize(
    ("text", "works"),
    [
        ("It works again, procurement uploaded the new key. You can close this ticket.", Answer.YES),
        ("Never mind, it's working now. Thanks!", Answer.YES),
        ("This is resolved, thank you.", Answer.YES),
        ("All is back to normal.", Answer.YES),
        ("Hat sich erledigt.", Answer.YES),
        ("Ça remarche !", Answer.YES),
        ("It works again. But merging does not.", Answer.NO),
        ("It works again for admins only", Answer.NO),
        ("When it works again, tell us", Answer.NO),
        ("Is it fixed?", Answer.NO),
        ("> It works again\n\nReally", Answer.NO),
        ("Any news?", Answer.NO),
        *(
            (text, Answer.NO)
            for text in (
                "It works again, apart from CI.",
                "It works again, except that merging takes hours.",
                "It works again: reading.",
                "It works again, the web page.",
                "It works again. Thanks. Everything but the runners.",
                "It works again, on the test server.",
                "It's working now, for me.",
                "The problem is solved, at least for the web UI.",
                "Alles läuft wieder, bis auf die Runner.",
                "Tout marche de nouveau, sauf les pipelines.",
                "Everything works again, the mobile team reports otherwise.",
            )
        ),
        ("It's all working again, our reseller sent us the key. Thank you!", Answer.YES),
        ("Works again now.", Answer.YES),
        *(
            (text, Answer.YES)
            for text in (
                *("Everything is working again, thanks for the fast help!", "It works again. Have a nice weekend!"),
                "After the upload of the license file everything is back to normal.",
                "All good now. The license is installed and the instance is fully operational again.",
                *("Problem solved, our GitLab is up again and everybody can work.", "It works again 🎉 :-)"),
                *(
                    "The license was accepted and GitLab works again.",
                    "- GitLab works again.",
                    "Danke, es läuft wieder ohne Probleme",
                ),
                *("The error is gone, GitLab works again.", "GitLab is fully functional again."),
                *("The instance is not locked any more and works again.", "Everything is back to normal since 9:40."),
                *("Die Lizenz ist eingespielt, es läuft alles wieder einwandfrei.", "Funziona tutto di nuovo, grazie!"),
                *("Hej, GitLab virker igen, tak.", "GitLab fungerar igen. Tack!"),
                *("Todo funciona correctamente de nuevo.", "Tudo está funcionando novamente, obrigado."),
            )
        ),
        *(
            (text, Answer.NO)
            for text in (
                *("It is available now.", "We can continue now.", "Normally it works again.", "All are working now."),
                *("GitLab is 80% working again.", "GitLab (1/3) works again.", "GitLab-2 is working again."),
                *(
                    "Everything works again /s",
                    "Everything works again 🙄",
                    "❌ It works again",
                    "GitLab … works again.",
                ),
                *(
                    '"It works again."',
                    'GitLab "works" again.',
                    "`It works again`",
                    "~~It works again~~",
                    "[ ] It works again",
                ),
                *("It works again. Who needs pushes anyway?", "Everything works again. Seriously?", "It works again!?"),
                "It works again. Will somebody explain to me why pushes do not arrive?",
                *(
                    "It works again.\n\n-- \nPS: for reading, that is",
                    "It works again.\n--\nall of this on the test host",
                ),
                *("Everything works again, but soon.", "Everything works again, please.", "It works again: 0"),
                *(
                    "The license has to be renewed and everything works again.",
                    "It works again.\nTo: be fair, on staging",
                ),
                *("The new license will be uploaded on Monday and everything works again.", "It normally works again."),
                *("I can push again.", "Users can commit again.", "All our work is here now."),
                *("You can send us a license and it works again.", "It works again, and the runners?", "Good now?"),
            )
        ),
        *(
            (text, Answer.YES)
            for text in (
                *(),
                *("Issue resolved on our side, please close.", "Problème résolu, merci.", "解決しました。ありがとう。"),
                *(
                    "Funktioniert wieder, vielen Dank!",
                    "Solved!\n\n> Nobody can push.",
                    "Probleem opgelost",
                    "已解决，谢谢。",
                    "GitLab is working again after upload.",
                    "Funziona di nuovo, grazie!",
                ),
            )
        ),
        *(
            (text, Answer.NO)
            for text in (
                *("The problem is back now.", "We have the problem again", "Has it been fixed on your side"),
                *("Not solved yet.", "I thought it was fixed, but it isn't.", "It can be fixed", "We still work on it"),
                *(
                    "It works again. The same as before, sorry: locked.",
                    "It was working again for an hour",
                    "Good news",
                ),
            )
        ),
    ],
)
def test_the_last_text_may_say_that_it_works_again(text: str, works: Answer) -> None:
    """After trouble, plainly, and of the whole."""
    assert works is says_it_works(["License expired", "Nobody can push.", text])


@pytest.mark.parametrize(
    "text",
    [
        "there is a red banner about our license on every page",
        "License unlocked everything",
        "Bonjour, voici notre licence",
        "ライセンスを添付します",
        "Ni rajtas nur legi",
        *(
            "Does it still work?",
            "Only the page still works",
        ),
        *(
            "The web UI still works",
            "Our backup instance still works",
            "It still works for admins",
            "It still works intermittently",
            "Please make sure that GitLab still works on Monday",
            "I hope it still works tomorrow",
            "You said that it still works during the grace period",
            "GitLab still works? I doubt it",
            "Is it normal that it is not read-only yet?",
            "It becomes read-only as soon as someone logs in",
            "It becomes read-only now",
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
            "Users work as usual.",
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
        *("Nothing has stopped working", "Kein Notfall, alles läuft.", "Pas d'urgence, tout va bien."),
        *("No es urgente, todo va bien.", "Nessun problema al momento", "現在は問題なく動作しています。", "没有问题"),
        "Our license will lapse on Friday, after which merges will be rejected.",
        "What happens when the license expires? Will pushes be blocked?",
        "Tout fonctionne.\n\nDe : GitLab\nVotre instance passera en lecture seule le 20 novembre.",
        "License attached.\n\n-- \nJane\nPlease consider the environment: can't you print less?",
        "Anbei.\n\nDer Inhalt ist vertraulich. Wenn Sie nicht der Adressat sind, informieren Sie uns.",
        "If you are not the intended recipient of this message, you must not use the license key in it.",
        *("Our invoice has not arrived.", "Die Rechnung ist noch nicht angekommen.", "Aún no tenemos la factura."),
        *("請求書がまだ届いていません。", "We don't have a purchase order yet.", "No news from our account manager"),
        "GitLab is working normally at the moment, we only see the yellow banner that the subscription has expired.",
        "Please don't block our instance, the purchase order is on the way.",
        *("No urgency, but we wanted to be early.", "Please do not close this ticket.", "This isn't pressing."),
        "> If you do not renew by November 20, you can't use merge approvals, epics, or many other features.",
        "No worries, you can still use all the Premium features for now. You have 6 days to renew your subscription.",
        "Quote, please.\n\nRegards\nJane Doe\nSenior DevOps Engineer\nLinux System Administrator",
        "Die Lizenz ist im Anhang enthalten, weitere Anhänge folgen.",
        "We have been waiting for the quote since Monday.",
        "",
    ],
)
def test_words_that_say_neither(text: str) -> None:
    """Then a renewal is a question, and a license whose grace period runs is none."""
    assert Answer.UNKNOWN is says_it_works([text])


def test_thanks_after_it_say_nothing_else() -> None:
    """The last text with a content counts."""
    assert Answer.YES is says_it_works(["License expired", "Nobody can push.", "It works again.", "Thanks!"])
    assert Answer.NO is says_it_works(["License expired", "Nobody can push.", "Thanks!"])


@given(texts=st.lists(st.text(), max_size=3))
def test_any_text_is_looked_at(texts: list[str]) -> None:
    """Customer text does not raise."""
    assert says_it_works(texts) in Answer


@pytest.mark.parametrize("text", ["not " * 1_000_000, ">\n" * 10_000, "\n" * 20_000, "x: " * 7_000, "thank " * 4_000])
def test_a_long_text_is_read_quickly(text: str) -> None:
    """A hostile one cannot keep the runbook busy: only its beginning is read, each sign of it a few times."""
    assert Answer.YES is not says_it_works(["License", text])


@pytest.mark.parametrize(
    "text",
    [
        "All good on our end, here are the screenshots you asked for.",
        "All good on my side, I have attached the screenshots.",
        "All good, screenshots attached.",
        "All good, thanks. I will apply it tonight.",
        "No problem, all good. We look forward to the license.",
        "Sorted. Here are the screenshots.",
        "Solved that, see the attached screenshots.",
        "Ist erledigt. Anbei die gewünschten Bilder.",
        "The ticket issue is fixed",
        "Thanks for the quick reply. It is up to you now.",
        "So it is up to you now.",
        "Hello, it is now up to you.",
        "we paid the invoice. Now it is up to you.",
        "It is all up to you now.",
        "Please send a license\nso that we can work again.",
        "so we can all work again",
        "we can be back to normal soon",
        "We have to have everything running again soon.",
        "it is soon back to normal",
        "we have to run it again",
        "As soon as it works again",
        "Behoben. Es ist wieder da.",
        "Erledigt. Heute ist es wieder aufgetreten.",
        "Resuelto. Hoy volvió a pasar.",
        "Risolto. Dopo un'ora si è ripresentato.",
        "Opgelost. Vandaag is het terug.",
        "Решено. Сегодня снова то же самое.",
        "解決しました。今朝また発生しました。",
        "Sorted. Then we restarted and we are back at square one.",
        "The issue is solved. It came back an hour ago.",
        "It's fixed. It lasted ten minutes.",
        "It works again. Users get kicked out.",
        "It is still up. Logins spin forever.",
        "The server is still running. Licenses expired and users see the paywall.",
        "Funciona de nuevo. Los usuarios siguen sin poder entrar.",
        "It is back again.",
        "Once you send it, it works again",
        "When will it be fixed",
        "Please confirm that it works again.",
        "Let me know when the problem is solved",
        "I hope the issue is resolved soon",
        "If it works again we will close the ticket",
        "Resolved. Reopened.",
        "Can you get it working again",
        "we want it working again",
        "get us up and running again",
        "The issue is back again",
        "it works now. Then it stopped.",
        "It works again, I was told",
        "Fixed? No.",
        "Fixed it for one project",
        "It works again on staging",
        "Everything works again for admins",
        "GitLab is up again but pushes hang",
        "it is working again. Pushing takes forever.",
        "Works again after restart. Then the banner returned.",
        "We can work again tomorrow",
        "We can push again as soon as we get the license",
        "All good, we're good now.",
        "Installed the new key, all good.",
        "It still works. The license expired and epics are missing.",
        "Code owners went missing when the license expired. Everything still works.",
        "Everything still works. The renewal removed our Ultimate dashboards.",
        "It still works. Incoming mail piles up since the license expired.",
        "It still works. TLS certificate expired this morning.",
        "It still works. We set the clock back so the license stays valid.",
        "The mail says. Everything still works.",
        "We tried the old license key. It still works.",
        "The invoice address was wrong. This is fixed.",
        "I can log in to the customer portal. It works now. Thanks!",
        "Everything still works.\nPS: only for admins.",
        "It works again.\nEdit: spoke too soon.",
        "It works again.\n\nOpen points:\n- Epics are missing",
        "It works again.\n@Kim: users see the old page though",
        "It works again. Thanks.\nBut Epics",
        "It works again. Thanks.\nLDAP",
        "It still works, thanks to a workaround",
        "Works again, thanks to turning the clock back.",
        "It works again, if you renew the license.",
        "It works again. For a day.",
        "It works again after each restart",
        "It works again. I applied a one day license from 2019 file.",
        "We're back online.",
        "All are still working",
        "We will become read-only on 20 November.",
        "It still works but I am afraid epics are missing.",
        "It still works\nkind of",
        "We can still work. Builds wait forever.",
        "Builds wait forever. We can still work.",
        "It is still working. Pages take a minute to load.",
        "The license expired. It still works. Mirrors fall behind.",
        "A new license, and it works again.",
        "We are online now.",
        "We are still working.",
    ],
)
def test_what_is_not_plainly_of_the_whole_is_no_yes(text: str) -> None:
    """As the first text, and after one that reports trouble: done may be what we asked for, or it came back."""
    trouble = "Our license has expired and GitLab is read-only. Nobody can push. The renewal file was rejected."
    assert Answer.YES not in (says_it_works([text]), says_it_works([trouble, text]))


@pytest.mark.parametrize(
    "text",
    [
        "It works again. Thanks a lot.\nJane Doe",
        "The issue is resolved. Please close this ticket.",
        "It works again. We uploaded the license you sent.",
        "everything is up and running again, cheers",
        "GitLab is back online. Thank you!",
        "Das Problem ist behoben, danke!",
    ],
)
def test_thanks_and_what_became_of_the_license_may_follow(text: str) -> None:
    """Anything else needs a person."""
    assert Answer.YES is says_it_works(["Nobody can push.", text], ["Jane Doe"])
