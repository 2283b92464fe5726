# /modify_notify_group: der Dialog, der Rufgruppen ändert und löscht
modify-notify-group-heading = <b>Rufgruppen</b> von { $title }
modify-notify-group-none = Du hast hier keine Rufgruppen. Leg eine mit /add_notify_group in der Gruppe an.
modify-notify-group-which = Welche?
modify-notify-group-which-admin = Welche? Die mit 👥 gehören anderen: Als Admin kannst du sie löschen.
modify-notify-group-ask-what = Was soll ich damit tun?
modify-notify-group-count = Mitglieder: { $count }
modify-notify-group-is-hidden = Verborgen: nicht in der Liste der Gruppe
modify-notify-group-asks = Nach einem Ruf frage ich, wer dabei ist
modify-notify-group-as-admin = Sie gehört jemand anderem. Als Admin kannst du sie löschen, und weitergeben, wenn die Person die Gruppe verlassen hat.
modify-notify-group-not-yours = Ändern kann sie nur, wem sie gehört.
modify-notify-group-rename = ✏️ Name
modify-notify-group-describe = ✏️ Beschreibung
modify-notify-group-no-description = Keine Beschreibung
modify-notify-group-invite-only = 🔒 Nur mit Einladung
modify-notify-group-open = 🔓 Offen für alle
modify-notify-group-hide = 🙈 Verbergen
modify-notify-group-show = 👁 Nicht verbergen
modify-notify-group-ask = 🙋 Fragen, wer dabei ist
modify-notify-group-ask-not = 🙊 Nicht fragen, wer dabei ist
modify-notify-group-members = 👥 Mitglieder
modify-notify-group-invitations = ✉️ Einladungen
modify-notify-group-transfer = 🎁 Weitergeben
modify-notify-group-delete = 🗑 Löschen
modify-notify-group-close = Schließen
modify-notify-group-closed = Fertig. /notify ruft die Leute, in der Gruppe.
modify-notify-group-ask-members = Drück auf alle, die von der Liste sollen. Es geschieht nichts, bevor du es bestätigst.
modify-notify-group-no-members = Auf der Liste steht niemand.
modify-notify-group-marked = { $count ->
    [one] Markiert: { $count } Mitglied
   *[other] Markiert: { $count } Mitglieder
}
modify-notify-group-remove = Entfernen ({ $count })
modify-notify-group-add-me = ➕ Mich auf die Liste
modify-notify-group-removed = Entfernt: { $people }
modify-notify-group-full = Sie ist voll: { $limit } Mitglieder.
modify-notify-group-no-invitations = Niemand hat eine offene Einladung.
modify-notify-group-ask-revoke = Wessen Einladung soll ich zurückziehen?
modify-notify-group-revoke-all = Alle zurückziehen
modify-notify-group-revoked = Zurückgezogen.
modify-notify-group-ask-transfer = Wer soll <b>{ $name }</b> bekommen? Die Person wird in der Gruppe gefragt, und bis sie annimmt, bleibt alles, wie es ist.
modify-notify-group-nobody-to-transfer = Es gibt kein anderes Mitglied, das sie bekommen könnte.
modify-notify-group-offered = { $person } wurde gefragt und hat noch nicht geantwortet.
modify-notify-group-creator-is-there = Wem sie gehört, ist noch in der Gruppe, soweit Telegram es mir sagt. Solange gibt nur diese Person sie weiter.
modify-notify-group-ask-delete = { $count ->
    [one] <b>{ $name }</b> mit { $count } Mitglied löschen? Die Gruppe erfährt es.
   *[other] <b>{ $name }</b> mit { $count } Mitgliedern löschen? Die Gruppe erfährt es.
}
modify-notify-group-saved = Gespeichert.
modify-notify-group-deleted = <b>{ $name }</b> ist gelöscht.
modify-notify-group-gone = Diese Rufgruppe gibt es nicht mehr.
modify-notify-group-not-allowed = Diese gehört jemand anderem, und das dürfen nur diese Person oder Admins.
modify-notify-group-renamed = { $person } hat die Rufgruppe <b>{ $old }</b> umbenannt: Sie heißt jetzt <b>{ $new }</b>.
modify-notify-group-deleted-announced = { $person } hat die Rufgruppe <b>{ $name }</b> gelöscht.

transfer-ask = { $to }, { $person } möchte die Rufgruppe <b>{ $name }</b> an dich weitergeben. Übernimmst du sie?
transfer-take = Übernehmen
transfer-take-not = Nein
transfer-taken = { $person } hat die Rufgruppe <b>{ $name }</b> übernommen.
transfer-not-taken = { $person } übernimmt die Rufgruppe <b>{ $name }</b> nicht.
transfer-not-for-you = Hier ist jemand anderes gefragt.
