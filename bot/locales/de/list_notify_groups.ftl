# /list_notify_groups
list-none = Hier gibt es keine Rufgruppen zu zeigen. Leg eine mit /add_notify_group an.
list-heading = <b>Rufgruppen</b> nach Namen ({ $count })
list-heading-named = <b>Rufgruppen</b> mit diesen Namen
list-line = <b>{ $name }</b> · { $count ->
    [one] { $count } Mitglied
   *[other] { $count } Mitglieder
} · { $policy }
list-not-found = Nicht gefunden: { $names }
list-mine = Meine Rufgruppen
list-creator = Angelegt von { $person }
list-members = Mitglieder ({ $count }): { $people }
list-invited = Eingeladen: { $people }
list-you-are-in = Du gehörst dazu.
list-you-are-not-in = Du gehörst nicht dazu.
