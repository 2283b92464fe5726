# /add_notify_group: the dialogue that creates a notify group
add-notify-group-heading = <b>New notify group</b> in { $title }
add-notify-group-ask-name = What shall it be called? Up to { $limit } characters, no spaces.
add-notify-group-suggestion = How about <code>{ $name }</code>?
add-notify-group-use-suggestion = Use suggestion
add-notify-group-ask-description = What is it for? Up to { $limit } characters.
add-notify-group-description-too-long = That is too long: at most { $limit } characters, please.
add-notify-group-ask-policy = Who may join?
add-notify-group-ask-save = Shall I save it?
add-notify-group-saved = Done: <b>{ $name }</b> is there, and you are its first member.
add-notify-group-announced-invite = { $person } created the notify group <b>{ $name }</b>. Its creator invites with <code>/invite_to_notify_group { $name }</code> and the people’s names.
add-notify-group-announced-open = { $person } created the notify group <b>{ $name }</b>. Join with <code>/join { $name }</code>.
add-notify-group-no-room = There is no room for another notify group: a group has at most 50, of which 20 may be yours. Delete one with /modify_notify_group in the group.
add-notify-group-only-admins = In this group only admins create notify groups. Ask one of them.

notify-group-name = Name: <b>{ $name }</b>
notify-group-description = Description: { $text }
notify-group-policy = Who may join: { $policy }
policy-invite = Whoever is invited
policy-open = Anyone in the group

name-empty = I need something that can be seen.
name-too-long = That is too long: at most { $limit } characters, please.
name-space = A name has no spaces and no line breaks.
name-looks-like = A name does not begin with / or @.
name-taken = There is a notify group of that name already.
