# /settings
settings-group =
    <b>Settings of this group</b>

    Each button shows how it is now, and changes it. Only admins can press them.
settings-private =
    <b>Settings of our private chat</b>

    Each button shows how it is now, and changes it.
settings-only-admins = Only admins change the settings of this group.
settings-cannot-delete = To delete <code>/notify</code> commands I need the right to delete messages, which I do not have.
settings-on = on
settings-off = off
settings-everyone = everybody
settings-admins = admins
settings-language = Language: { $value }
settings-jokes = Jokes: { $value }
settings-announcements = Announcements: { $value }
settings-creators = May create notify groups: { $value }
settings-policy = May join a new one: { $value }
settings-delete-commands = Delete /notify commands: { $value }
