"""What a ticket's words hint at: a license, or the mail with it, that has not come."""

from __future__ import annotations

import pytest

from runbook_lib.domain.mail_words import says_mail_missing


@pytest.mark.parametrize(
    "words",
    [
        "We have not received the mail.",
        "Nothing has arrived in my inbox so far",
        "I only got the ticket confirmation, not the license itself.",
        "License expired. Our spam filter shows nothing from gitlab either.",
        *("Licence expirée. Rien reçu pour le moment.", "Licence. Nous n'avons rien reçu."),
        *("Licenza scaduta. Non è arrivato nulla.", "Licence vypršela. Nic jsme nedostali."),
        *("Nie dotarł mail z licencją.", "Licença. Não recebemos nada."),
        "The e-mail never came",
        "I still haven’t got the license",
        "The license mail isn't in my inbox, and not in spam either",
        "WE DIDN'T RECEIVE ANY EMAIL",
        *("did not recieve the licence", "No license key was delivered", "The license mail bounced"),
        *("We never got the activation code", "we have yet to receive the license", "We did not get the license"),
        *(
            "Wir haben die Lizenz noch nicht erhalten",
            "nous n'avons pas reçu la licence",
            "No hemos recibido la licencia",
        ),
        *(
            "ライセンスメールが届いていません",
            "没有收到许可证邮件",
            "Nie otrzymaliśmy licencji",
            "не получили лицензию",
        ),
        *("Where is our license?", "Still no license", "no e-mail so far", "License email never showed up"),
        *("didn't get license", "We are waiting for the license since yesterday", "It is not in my mailbox"),
        *("Wir warten immer noch auf die Lizenz", "Bisher ist keine E-Mail eingegangen", "Je n'ai rien reçu par mail"),
        *("La licence ne nous est pas parvenue", "メールが来ていません", "Ik heb geen licentie ontvangen"),
        *("I'm still waiting for the trial key", "I did not get it, only my colleague got the license"),
        *("The license attachment was removed by our gateway.", "No sign of the license email"),
        *(
            "You said you'd mail a key an hour ago. Still nothing.",
            "> The license was sent.\n\nNo, it never reached us.",
        ),
        "The license was not sent to my email",
        *("License not received on our mail id", "I didn't receive the license on my email address"),
        *("Where's the license? My mailbox is still empty", "We've not been sent any license file"),
        *(
            "nous n'avons reçu aucune clé de licence",
            "De licentie is nog niet binnen",
            "Лицензию до сих пор не прислали",
        ),
        *("can you resend the licence? did not came", "Lost the license email, please send again."),
        *("Mail arrived but the attachment with the license is missing", "Wo bleibt die Lizenzmail?"),
        *("The license should come by mail. I have got nothing.", "It has been hours and the license email isn't here"),
        *("Könnten Sie die Lizenz bitte nochmals schicken?", "¿Pueden reenviar la licencia?", "Lisans maili gelmedi."),
        *("Het mailtje met de licentie is nooit aangekomen.", "You wrote that the license is attached. It isn't."),
        *("Seguimos esperando la licencia.", "Stiamo ancora aspettando la licenza.", "Мы всё ещё ждём лицензию."),
        *("The order came through, the license file though did not.", "No me ha llegado el código de activación."),
        *(
            "No activation code so far, please check.",
            "Der Aktivierungscode fehlt uns noch.",
            "The key has yet to show up.",
            "We never saw the license email",
            "You say you sent the license. You didn't.",
        ),
        *("We still haven't had the activation code.", "Where can I find the license you sent? Nothing in spam."),
        *(
            "The portal has no license to download and no email.",
            "Não recebi a chave de ativação.",
            "激活码还没有收到。",
        ),
        *("Wij wachten nog steeds op de licentie.", "まだライセンスを待っています。", "还在等许可证邮件。"),
        *("You forgot to attach the license file.", "There was no attachment in the mail with the license."),
        *("The mail came without the license.", "Our mail gateway seems to have blocked the license email."),
        *("Email with the license never made it to me", "The license email isn't getting through"),
        *("I'm not seeing the license email", "Cannot locate the license email", "License key email - not received"),
        "I checked spam and quarantine, the license mail is not in either.",
        *("Je ne trouve pas le mail avec la licence", "No encuentro el correo con la licencia", "Licencja nie dotarła"),
        *(
            "Todavía no tengo la licencia en mi correo",
            "Ik zie geen mail met de licentie",
            "Die Lizenz-Mail kam nie an",
        ),
        *("Licenční e-mail nedorazil.", "Vi har inte fått någon licens", "Письма с лицензией нет"),
        *(
            "I have looked in my inbox, and there is nothing from GitLab with the license.",
            "We are without the new key.",
        ),
        *("Inbox, junk: nothing from you with a license file.", "my inbox shows zero messages with a license"),
        *("Nothing received. Not the license, not a confirmation.", "Got the welcome mail. Not the license."),
        *("I only got the invoice, not the license key.", "The receipt is here, the license isn't."),
        *("You mailed the terms instead of the license file.", "We've received everything except the license key."),
        *("Activation code missing from the confirmation e-mail.", "The order confirmation lacks the license key."),
        *("The activation code was not in the confirmation mail.", "The mail has no key in it, only a greeting."),
        *(
            "> The license has been emailed.\n\nThanks, but no such email has arrived.",
            "We still don't have our license.",
        ),
        *("Did anyone of you get the license? I did not get one.", "Nobody on our side holds the license file."),
        *(
            "The license expired, and the replacement hasn't been delivered.",
            "> The key was sent.\n\nWe have no such mail.",
        ),
        *("Until now we are not getting any license file.", "I was told of the key. I have yet to receive it."),
        *(
            "The license was emailed to my boss. He says he has nothing.",
            "the license key email must have gone astray.",
        ),
        *(
            "we did not recieve the activaton code by mail",
            "Did not receve the lisence file",
            "Seguimos sin recibir la licencia.",
        ),
        *(
            "Our license expired and the new one hasn't shown up.",
            "Your mail with the license was returned as undeliverable.",
        ),
        *(
            "The license was sent to a wrong spelling. So of course we never got it.",
            "라이선스 파일이 아직 도착하지 않았습니다.",
        ),
        "> Did the license arrive? Tell us.\n\nNo.",
        "Can we please get the license that never arrived?",
        "The key was sent to our purchasing dept. They have not received it.",
        *("I still don't have the activation code for the subscription.", "we're sitting here with no license"),
        "The mail with the new license was sent to his mailbox, which was deleted.",
        "la licenza è scaduta ieri e non abbiamo ancora ricevuto quella nuova",
        *(
            "Our license is expired and we haven't got the new one yet.",
            "The license went to our reseller instead of us.",
        ),
        *("I found the mail. But the license is missing.", "Our reseller got it but we did not get the license."),
        *("We got the invoice, but not the license.", "We have failed to receive the license key"),
        *("I have been waiting since Friday for my license", "Der Aktivierungscode wurde uns nie zugestellt"),
        *("ライセンスのメールが見つかりません", "找不到许可证邮件", "라이선스 메일이 오지 않았습니다"),
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
        *("Here is the license. Correction: Maximum users is 312, not 254.", "License attached; it is for 40, not 30."),
        *("I do not have the license file, a colleague has.", "We don't have the license here, our admin has it."),
        *("I sent the license an hour ago, have you not received it?", "Didn't you get our license file?"),
        "Here is the license that we received. GitLab shows nothing.",
        "Since this morning nobody can push. GitLab says that the license has expired.",
        "I do not have the file. I am not the one who installed the license.",
        "Our renewal is with purchasing and will not be signed before Monday",
        "Please send the new license to this mail address. Pushing does not work.",
        *("We are not able to see the license page", "We did not get the license installed"),
        *("If you have not received this message in error", "If you are not the intended recipient of this message"),
        *("No license is needed any more", "Got the mail, thanks!", "ライセンスは届きましたが、使えません"),
        *("Nous avons reçu la licence mais elle est refusée", "许可证收到了，但是无法使用"),
        *("Wir haben die Lizenz erhalten", "ライセンスメールが届いています", "Die Lizenz wird nicht akzeptiert"),
        *(
            "Our users don't receive password reset mails",
            "Email notifications aren't delivered since the license expired.",
        ),
        *("Our invoice has not arrived.", "Die Rechnung zur Lizenz ist nicht angekommen.", "Please resend the quote."),
        *("The license server cannot be reached.", "We cannot see the license in the admin area"),
        "We have not received a warning email before the license expired.",
        *(
            "If we do not get a new license by Monday, nobody can work.",
            "License expired. I thought it was fixed, but it isn't.",
        ),
        *("I did not receive a reply to my mail", "We got no response to our email from Friday about the license"),
        *(
            "I have not received an answer to my message about the license.",
            "No feedback to our license request so far",
        ),
        *("We have not received the invoice for the license yet.", "I have not received your earlier message"),
        *(
            "I am out of office and have not received your email.",
            "I have not got approval for the license renewal",
        ),
        *("The 2FA code mail did not arrive", "The verification email for the customers portal has not arrived"),
        *("Merge request mails do not arrive", "Service desk emails are not being received", "GitLab can't send email"),
        *("SSH key was not received by the server", "I have not received the API key", "Deploy key got lost"),
        *("The renewed license does not show up in the admin area", "Our license key is missing from gitlab.rb"),
        *("The license is not there after the restart", "The license was removed by a colleague from the instance"),
        *("I don't know who received the license last year", "Please do not send the license to the old admin"),
        *("Our former admin has the license", "20 licenses are missing", "Il manque 20 licences"),
        *("We did not receive approval from management to buy the license", "Die Lizenz fehlt in der Instanz"),
        *("We didn't get the discount we were promised on the license.", "Não recebemos o orçamento da licença."),
        "Our new admin hasn't received an invitation to the customers portal where the license is.",
        "I have not received the two-factor code by email, so I can't get to the license page.",
        "We are not able to see Ultimate features although the license is active.",
        *("We never received a reminder that the license would expire", "We are waiting for the license renewal quote"),
        "License attached.\n\nThis is confidential. If you have not received this message as intended, delete it.",
        *(
            "> I have not received the license.\n\nUpdate: got it, it was in the spam folder.",
            "No need to resend the license.",
        ),
        *(
            "First I thought that the license had not arrived, but then I found it in spam.",
            "One-time codes don't arrive.",
        ),
        *(
            "> We haven't got the license mail\n\nPlease ignore, it has just arrived.",
            "The key didn't reach us. Now it has.",
        ),
        *(
            "Received, thanks!\n\n> our license file has not arrived",
            "Installed.\n\nOn Mon, Sam wrote:\n> You did not receive it?",
        ),
        *(
            "Got the key.\n\n> > The license key never reached us.\n> Sent again.",
            "Last year we did not receive the license by mail.",
        ),
        "Our license expired. We have requested a renewal quote but have not received it yet.",
        *(
            "We moved to the Helm chart and the license isn't there in the new instance.",
            "The third node says the license is missing.",
        ),
        *("I assume the license file won't come before Tuesday.", "GitLab tells us that the license is missing."),
        "Does an expired license stop mails? No mail has come from the instance since yesterday.",
        "We have it.\n\n> Hi Sam. The license never came. Please resend it.",
        *("In 2024 the license mail never arrived.", "We didn't expect that the license would come that quickly."),
        *(
            "Our project's LICENSE file is missing after a force push.",
            "GitLab shows 'No license' for the MIT license file.",
        ),
        *("Мы ещё не получили счёт на продление лицензии.", "ライセンス更新の見積書がまだ届いていません。"),
        *(
            "nous attendons toujours le devis pour le renouvellement de notre licence",
            "Lisans yenileme teklifi henüz gelmedi.",
        ),
        *(
            "Vi har inte fått offerten för licensen ännu.",
            "What happens if the license is not delivered before it ends?",
        ),
        *("Two-factor codes are not arriving by mail.", "Verification codes are not delivered to our mailboxes."),
        *("SAML: email not found in response. Licence: Premium.", "LDAP: mail attribute not found. We have a license."),
        *(
            "The features don't show up after we've added the license.",
            "Epics are missing since the license was added.",
        ),
        *(
            "Why was there no email about the expiry of the license?",
            "There are users missing in the license usage export.",
        ),
    ],
)
def test_other_troubles_are_no_missing_mail(words: str) -> None:
    """A license that has run out is not one that has not come."""
    assert not says_mail_missing([words])


@pytest.mark.parametrize("text", ["not " * 1_000_000, ">\n" * 10_000, "\n" * 20_000, "x: " * 7_000, "thank " * 4_000])
def test_a_long_text_is_read_quickly(text: str) -> None:
    """A hostile one cannot keep the runbook busy: only its beginning is read, each sign of it a few times."""
    assert not says_mail_missing([text])
