# /add_notify_group: der Dialog, der eine Rufgruppe anlegt
add-notify-group-heading = <b>Neue Rufgruppe</b> in { $title }
add-notify-group-ask-name = Wie soll sie heißen? Bis zu { $limit } Zeichen, ohne Leerzeichen.
add-notify-group-suggestion = Wie wäre <code>{ $name }</code>?
add-notify-group-use-suggestion = Vorschlag nehmen
add-notify-group-ask-description = Wofür ist sie? Bis zu { $limit } Zeichen.
add-notify-group-description-too-long = Das ist zu lang: bitte höchstens { $limit } Zeichen.
add-notify-group-ask-policy = Wer darf beitreten?
add-notify-group-ask-save = Soll ich sie speichern?
add-notify-group-saved = Fertig: <b>{ $name }</b> ist da, und du bist das erste Mitglied.
add-notify-group-announced-invite = { $person } hat die Rufgruppe <b>{ $name }</b> angelegt. Wer sie angelegt hat, lädt mit <code>/invite_to_notify_group { $name }</code> und den Namen der Leute ein.
add-notify-group-announced-open = { $person } hat die Rufgruppe <b>{ $name }</b> angelegt. Beitreten geht mit <code>/join { $name }</code>.
add-notify-group-no-room = Für eine weitere Rufgruppe ist kein Platz: Eine Gruppe hat höchstens 50, davon 20 von dir. Lösche eine mit /modify_notify_group in der Gruppe.
add-notify-group-only-admins = In dieser Gruppe legen nur Admins Rufgruppen an. Frag jemanden von ihnen.

notify-group-name = Name: <b>{ $name }</b>
notify-group-description = Beschreibung: { $text }
notify-group-policy = Wer darf beitreten: { $policy }
policy-invite = Wer eingeladen wird
policy-open = Alle in der Gruppe

name-empty = Ich brauche etwas, das man sehen kann.
name-too-long = Das ist zu lang: bitte höchstens { $limit } Zeichen.
name-space = Ein Name hat keine Leerzeichen und keine Zeilenumbrüche.
name-looks-like = Ein Name fängt nicht mit / oder @ an.
name-taken = Eine Rufgruppe mit diesem Namen gibt es schon.
