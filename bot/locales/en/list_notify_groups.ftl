# /list_notify_groups
list-none = There are no notify groups to show here. Create one with /add_notify_group.
list-heading = <b>Notify groups</b> by name ({ $count })
list-heading-named = <b>Notify groups</b> of these names
list-line = <b>{ $name }</b> · { $count ->
    [one] { $count } member
   *[other] { $count } members
} · { $policy }
list-not-found = Not found: { $names }
list-mine = My notify groups
list-creator = Created by { $person }
list-members = Members ({ $count }): { $people }
list-invited = Invited: { $people }
list-you-are-in = You are a member.
list-you-are-not-in = You are not a member.
