# Jeder Befehl: in wenigen Worten fürs Menü (command-), ganz für die Hilfe (help-)
command-help = Hilfe zeigen
help-help = Zeigt, was ich kann. In einer Gruppe zeige ich nur den Weg in den privaten Chat, damit niemand scrollen muss.
command-about = Was ich bin
help-about = Sagt, was ich bin und in welcher Version.
command-age = Wie alt ich bin
help-age = Sagt, wie alt ich bin, in höchstens zwei Einheiten.
command-cancel = Laufenden Dialog beenden
help-cancel = Beendet, wonach ich dich gerade frage. Nichts von dem, was du eingegeben hast, bleibt.
command-add_notify_group = Rufgruppe anlegen
help-add_notify_group =
    Legt eine Rufgruppe an: eine Liste von Leuten mit einem Namen, die sich mit einem Befehl rufen lassen. Das können alle Mitglieder der Gruppe, wenn ihre Admins nichts anderes bestimmt haben.

    Ich frage dich privat nach Namen, Beschreibung und wer beitreten darf. Du bist das erste Mitglied.

    Eine Gruppe hat höchstens 50 Rufgruppen, davon 20 von einer Person.
command-modify_notify_group = Rufgruppen ändern oder löschen
help-modify_notify_group =
    Zeigt deine Rufgruppen: gib einer einen anderen Namen oder eine andere Beschreibung, bestimme, wer beitreten darf und ob sie in der Liste steht, nimm Mitglieder heraus, zieh Einladungen zurück, gib sie weiter oder lösch sie. Nach den Einzelheiten frage ich privat.

    Verborgene stehen nicht in der Liste der Gruppe; wer dazugehört, findet sie unter „Meine Rufgruppen“.

    Admins können auch die von anderen löschen, und weitergeben, wenn die Person die Gruppe verlassen hat. Ändern können sie sie nicht.
command-invite_to_notify_group = Leute in eine Rufgruppe einladen
help-invite_to_notify_group =
    Lädt Leute in eine Rufgruppe ein, die du angelegt hast: <code>/invite Name @ann @bob</code>, oder <code>/invite Name</code> als Antwort auf eine Nachricht. Höchstens 20 auf einmal; eine Rufgruppe hat höchstens 100 Mitglieder.

    Eine Einladung lässt sich 7 Tage lang beantworten. Du und die Admins können sie zurückziehen; wer angenommen hat, bleibt dabei.
command-join = Einer Rufgruppe beitreten
help-join =
    Setzt dich auf die Liste einer Rufgruppe: <code>/join Name</code>. Sie muss offen für alle sein, oder du bist eingeladen. Sonst kann ich für dich fragen.
command-leave = Eine Rufgruppe verlassen
help-leave =
    Nimmt dich von der Liste einer Rufgruppe: <code>/leave Name</code>. Wem sie gehört, ändert sich dadurch nicht.
command-list_notify_groups = Rufgruppen zeigen
help-list_notify_groups =
    Zeigt die Rufgruppen der Gruppe, oder die mit bestimmten Namen: <code>/groups raid schach</code>. Gerufen wird dabei niemand, und verborgene zeige ich nicht.

    Unter „Meine Rufgruppen“ schreibe ich dir privat, zu welchen du gehörst. Dort kannst du wählen, 1, 8 oder 24 Stunden nicht gerufen zu werden.
command-notify = Alle in einer Rufgruppe rufen
help-notify =
    Ruft alle in einer Rufgruppe, zu der du gehörst oder die du angelegt hast: <code>/notify Name</code>, oder <code>/notify Name worum es geht</code> mit bis zu 1000 Zeichen. Als Antwort gegeben, antwortet der Ruf auf dieselbe Nachricht. Ohne Namen zeige ich Knöpfe.

    Eine Rufgruppe lässt sich alle 30 Sekunden rufen, und alle können in 10 Minuten 5-mal rufen. Wenn ich Nachrichten löschen darf, lösche ich danach den Befehl.
command-status = Wer spielt gerade?
help-status =
    Zeigt, wer von den Statusnutzern dieses Chats online ist, in welchem Spiel und womit, oder wann sie zuletzt da waren. Mit einem Teil eines Namens dahinter nur diese: <code>/status ann</code>.

    Die Namen der verbundenen Konten werden nie gezeigt.
command-add_status_user = Jemanden zu /status hinzufügen
help-add_status_user =
    Fügt einen Statusnutzer hinzu: einen Namen und Konten bei Xbox Live, PSN oder Steam, an denen ich sehe, ob gespielt wird. In einer Gruppe dürfen das alle; nach den Einzelheiten frage ich privat.

    Ein Chat hat höchstens 50, und davon dürfen 10 einer Person gehören.
command-modify_status_user = Statusnutzer ändern oder löschen
help-modify_status_user =
    Zeigt deine Statusnutzer: umbenennen, andere Konten verbinden oder löschen. Admins können auch die von anderen löschen, sehen aber keine Namen von deren Konten.
command-f = Respekt erweisen
help-f = Erweist Respekt. Als Antwort dem, worauf du antwortest.
command-mf = Mission gescheitert
help-mf = Für den Fall, dass es nicht geklappt hat.
command-wdhs = Was war das?
help-wdhs = Für den Fall, dass es niemand verstanden hat.
command-diss = Jemanden necken
help-diss =
    Neckt jemanden, freundlich: <code>/diss @name</code>, <code>/diss Name</code> oder als Antwort auf eine Nachricht.

    Einmal in zehn Sekunden. Admins können Scherze abschalten.
command-support = Wo es Hilfe gibt
help-support = Sagt, wo Fehler gemeldet werden und wo die Leute zu erreichen sind, die mich betreiben.
command-feedback = Den Leuten hinter mir etwas sagen
help-feedback =
    <code>/feedback Ich hätte gern …</code> erreicht die Leute, die mich betreiben, mit deinem Namen, damit sie antworten können: 5 bis 1000 Zeichen, dreimal in der Stunde. Ihre Antwort kommt in unseren privaten Chat.
command-donate = Beim Server helfen
help-donate = Zeigt Wege zu spenden, in unserem privaten Chat. Niemand muss, und nichts hängt davon ab.
command-settings = Einstellungen
help-settings =
    In einer Gruppe wählen ihre Admins die Sprache, ob es Scherze und Ankündigungen gibt, wer Rufgruppen anlegen und wer einer neuen beitreten darf und ob ich <code>/notify</code>-Befehle lösche.

    Privat wählst du deine Sprache und ob du Ankündigungen willst.
command-privacy = Was ich speichere
help-privacy = Sagt, was ich speichere, wozu und wie lange.
command-forget_me = Löschen, was ich über dich weiß
help-forget_me = Löscht nach einer Rückfrage, was über dich gespeichert ist. Deine Rufgruppen gehen an ein anderes Mitglied oder werden gelöscht, wenn es keines gibt. Zahlungen bleiben, wie das Gesetz es will.
command-announce = Allen Chats etwas sagen
help-announce =
    <code>/announce Text</code>, oder als Antwort auf eine Nachricht; die wird dann mit Formatierung und Medien weitergegeben. Du siehst vorher, wie es aussieht.

    Chats, die weg sind, werden vermerkt; niemand bekommt es zweimal, auch wenn ich zwischendurch neu starte. Du kannst es jederzeit anhalten.
command-stats = Wie viel es von allem gibt
help-stats = Zählt Chats, Leute, Statusnutzer und Rufgruppen und sagt, wie es den Diensten geht, die wissen, wer gerade spielt.
command-refund = Eine Spende zurückgeben
help-refund = <code>/refund ZAHLUNG</code> gibt Sterne zurück. Der Name der Zahlung steht in der Nachricht über die Spende.

bot-description = Zeigt, wer aus eurer Gruppe gerade auf Xbox, PlayStation und Steam spielt, und ruft die zusammen, die spielen wollen. Füg mich zu deiner Gruppe hinzu!
bot-short-description = Wer spielt gerade, und wer will? Für Gruppen von Spielern.
