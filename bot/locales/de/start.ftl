# /start und die Wahl der Sprache
start-private =
    Hallo { $name }! Ich bin <b>{ $brand }</b>.

    Ich zeige, wer aus deiner Gruppe gerade spielt, und rufe die zusammen, die spielen wollen. /help zeigt alles.
start-group = Ich bin <b>{ $brand }</b>. Was ich kann, steht in unserem privaten Chat.
start-open = Privaten Chat öffnen
start-help = Hilfe
start-add-to-group = Zu einer Gruppe hinzufügen
start-language = Sprache · Language
start-choose-language = In welcher Sprache soll ich dir schreiben?
start-language-chosen = Ab jetzt schreibe ich dir auf Deutsch.
