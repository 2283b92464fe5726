# /modify_notify_group: the dialogue that changes and deletes notify groups
modify-notify-group-heading = <b>Notify groups</b> of { $title }
modify-notify-group-none = You have no notify groups here. Create one with /add_notify_group in the group.
modify-notify-group-which = Which one?
modify-notify-group-which-admin = Which one? Those with 👥 are other people’s: as an admin you can delete them.
modify-notify-group-ask-what = What shall I do with it?
modify-notify-group-count = Members: { $count }
modify-notify-group-is-hidden = Hidden: not in the list of the group
modify-notify-group-asks = After a call I ask who is in
modify-notify-group-as-admin = It is somebody else’s. As an admin you can delete it, and hand it on if its creator left the group.
modify-notify-group-not-yours = Only its creator can change it.
modify-notify-group-rename = ✏️ Name
modify-notify-group-describe = ✏️ Description
modify-notify-group-no-description = No description
modify-notify-group-invite-only = 🔒 Only by invitation
modify-notify-group-open = 🔓 Open to everybody
modify-notify-group-hide = 🙈 Hide
modify-notify-group-show = 👁 Do not hide
modify-notify-group-ask = 🙋 Ask who is in
modify-notify-group-ask-not = 🙊 Do not ask who is in
modify-notify-group-members = 👥 Members
modify-notify-group-invitations = ✉️ Invitations
modify-notify-group-transfer = 🎁 Hand on
modify-notify-group-delete = 🗑 Delete
modify-notify-group-close = Close
modify-notify-group-closed = Done. /notify calls people, in the group.
modify-notify-group-ask-members = Press who shall be taken off the list. Nothing happens before you confirm it.
modify-notify-group-no-members = There is nobody on the list.
modify-notify-group-marked = { $count ->
    [one] Marked: { $count } member
   *[other] Marked: { $count } members
}
modify-notify-group-remove = Remove ({ $count })
modify-notify-group-add-me = ➕ Put me on the list
modify-notify-group-removed = Removed: { $people }
modify-notify-group-full = It is full: { $limit } members.
modify-notify-group-no-invitations = Nobody has an open invitation.
modify-notify-group-ask-revoke = Whose invitation shall I revoke?
modify-notify-group-revoke-all = Revoke all
modify-notify-group-revoked = Revoked.
modify-notify-group-ask-transfer = Who shall have <b>{ $name }</b>? They are asked in the group, and it stays as it is until they accept.
modify-notify-group-nobody-to-transfer = There is no other member who could have it.
modify-notify-group-offered = Offered to { $person }, who has not answered yet.
modify-notify-group-creator-is-there = Its creator has not left the group, as far as Telegram tells me. As long as they are there, only they hand it on.
modify-notify-group-ask-delete = { $count ->
    [one] Delete <b>{ $name }</b> with { $count } member? The group will be told.
   *[other] Delete <b>{ $name }</b> with { $count } members? The group will be told.
}
modify-notify-group-saved = Saved.
modify-notify-group-deleted = <b>{ $name }</b> is deleted.
modify-notify-group-gone = That notify group no longer exists.
modify-notify-group-not-allowed = That one is somebody else’s, and only its creator or an admin may do that.
modify-notify-group-renamed = { $person } renamed the notify group <b>{ $old }</b>: it is called <b>{ $new }</b> now.
modify-notify-group-deleted-announced = { $person } deleted the notify group <b>{ $name }</b>.

transfer-ask = { $to }, { $person } would like to hand the notify group <b>{ $name }</b> on to you. Do you take it over?
transfer-take = Take it over
transfer-take-not = No
transfer-taken = { $person } has taken over the notify group <b>{ $name }</b>.
transfer-not-taken = { $person } does not take over the notify group <b>{ $name }</b>.
transfer-not-for-you = Somebody else is asked here.
