# Was der Bot sagt, wenn er kommt und geht
chat-greeting =
    Hallo! Ich bin <b>{ $brand }</b>. Ich zeige, wer gerade spielt, und rufe Leute zusammen.

    Was ich alles kann, steht in der Hilfe. Wenn ich Nachrichten löschen darf, räume ich nach <code>/notify</code> auf; andere Rechte brauche ich nicht.
chat-no-channels = Ich bin für Gruppen gemacht; in einem Kanal kann ich nichts tun. Tschüss!
