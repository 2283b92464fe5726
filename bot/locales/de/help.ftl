# Die Hilfekarte
help-main =
    <b>{ $brand }</b>

    Worüber möchtest du etwas wissen?
help-back = Zurück
help-open = Hilfe öffnen
help-in-private = Die Hilfe ist in unserem privaten Chat.
help-aliases = Kurz: { $names }
help-only-in-groups = Nur in Gruppen.
help-only-in-private = Nur in unserem privaten Chat.
category-general = Allgemeines
category-status-users = Wer spielt gerade
category-notify-groups = Rufgruppen
category-jokes = Scherze
category-support = Unterstützung
category-donations = Spenden
category-settings = Einstellungen und Datenschutz
category-operator = Betrieb
