# /settings
settings-group =
    <b>Einstellungen dieser Gruppe</b>

    Jeder Knopf zeigt, wie es jetzt ist, und ändert es. Nur Admins können sie drücken.
settings-private =
    <b>Einstellungen unseres privaten Chats</b>

    Jeder Knopf zeigt, wie es jetzt ist, und ändert es.
settings-only-admins = Nur Admins ändern die Einstellungen dieser Gruppe.
settings-cannot-delete = Um <code>/notify</code>-Befehle zu löschen, brauche ich das Recht, Nachrichten zu löschen; das habe ich nicht.
settings-on = an
settings-off = aus
settings-everyone = alle
settings-admins = Admins
settings-language = Sprache: { $value }
settings-jokes = Scherze: { $value }
settings-announcements = Ankündigungen: { $value }
settings-creators = Dürfen Rufgruppen anlegen: { $value }
settings-policy = Dürfen einer neuen beitreten: { $value }
settings-delete-commands = /notify-Befehle löschen: { $value }
