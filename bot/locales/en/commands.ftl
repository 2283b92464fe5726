# Each command: in a few words for the menu (command-), in full for the help (help-)
command-help = Show the help
help-help = Shows what I can do. In a group I only show the way to the private chat, so that nobody has to scroll.
command-about = What I am
help-about = Says what I am, in which version.
command-age = How old I am
help-age = Says how old I am, to the second unit.
command-cancel = Stop the present dialogue
help-cancel = Stops whatever I am asking you about. Nothing that you entered is kept.
command-add_notify_group = Create a notify group
help-add_notify_group =
    Creates a notify group: a named list of people who can be called with one command. Every member of the group can do that, unless its admins decided otherwise.

    I ask you in private for a name, a description and who may join. You are the first member.

    A group has at most 50 notify groups, of which 20 may be of one person.
command-modify_notify_group = Change or delete notify groups
help-modify_notify_group =
    Shows your notify groups: give one another name or description, decide who may join and whether it is in the list, take members off it, revoke invitations, hand it on, or delete it. I ask for the details in private.

    Hidden ones are not in the list of the group; who is in them finds them under “My notify groups”.

    Admins can delete those of others as well, and hand them on if their creator left. They cannot change them.
command-invite_to_notify_group = Invite people into a notify group
help-invite_to_notify_group =
    Invites people into a notify group that you created: <code>/invite name @ann @bob</code>, or <code>/invite name</code> as a reply to somebody’s message. At most 20 at once; a notify group has at most 100 members.

    An invitation can be answered for 7 days. You and the admins can revoke it; who has accepted stays in.
command-join = Join a notify group
help-join =
    Puts you on the list of a notify group: <code>/join name</code>. It has to be open to everybody, or you have to be invited. Else I can ask its creator for you.
command-leave = Leave a notify group
help-leave =
    Takes you off the list of a notify group: <code>/leave name</code>. Its creator stays its creator.
command-list_notify_groups = Show the notify groups
help-list_notify_groups =
    Shows the notify groups of the group, or those of some names: <code>/groups raid chess</code>. Nobody is called by that, and hidden ones are not shown.

    Under “My notify groups” I write to you in private which ones you are in. There you can choose not to be called for 1, 8 or 24 hours.
command-notify = Call everybody in a notify group
help-notify =
    Calls everybody in a notify group that you are in or created: <code>/notify name</code>, or <code>/notify name what it is about</code> with up to 1000 characters. As a reply, the call replies to the same message. Without a name I show buttons.

    A notify group can be called every 30 seconds, and everybody can call 5 times in 10 minutes. If I may delete messages, I delete the command afterwards.
command-status = Who is playing?
help-status =
    Shows who of this chat’s status users is online, in which game and on what, or when they were last seen. With a part of a name behind it only those: <code>/status ann</code>.

    The names of linked accounts are never shown.
command-add_status_user = Add somebody to /status
help-add_status_user =
    Adds a status user: a name, and accounts on Xbox Live, PSN or Steam by which I can see whether they are playing. In a group everybody can do that; I ask for the details in private.

    A chat has at most 50, of which 10 may be of one person.
command-modify_status_user = Change or delete status users
help-modify_status_user =
    Shows your status users: rename them, link other accounts, or delete them. Admins can also delete those of others, and see no names of their accounts.
command-f = Pay respects
help-f = Pays respects. As a reply, to what you reply to.
command-mf = Mission failed
help-mf = For when it did not work out.
command-wdhs = What did they say?
help-wdhs = For when nobody understood it.
command-diss = Tease somebody
help-diss =
    Teases somebody, kindly: <code>/diss @name</code>, <code>/diss Name</code>, or as a reply to their message.

    Once in ten seconds. Admins can switch jokes off.
command-support = Where to find help
help-support = Says where mistakes are reported, and where the people who run me can be reached.
command-feedback = Tell the people who run me something
help-feedback =
    <code>/feedback I would like …</code> reaches the people who run me, with your name, so that they can answer: from 5 to 1000 characters, three times an hour. Their answer comes to our private chat.
command-donate = Help to pay for the server
help-donate = Shows ways to donate, in our private chat. Nobody has to, and nothing depends on it.
command-settings = Settings
help-settings =
    In a group, its admins choose its language, whether there are jokes and announcements, who may create notify groups, who may join a new one, and whether I delete <code>/notify</code> commands.

    In private, you choose your language and whether you want announcements.
command-privacy = What I store
help-privacy = Says what I store, why, and how long.
command-forget_me = Delete what I know about you
help-forget_me = Deletes what is stored about you, after asking once. Notify groups of yours go to another member, or are deleted if there is none. Payments are kept, as the law wants.
command-announce = Say something to every chat
help-announce =
    <code>/announce text</code>, or as a reply to a message, which is then copied with its formatting and media. You see a preview first.

    Chats that are gone are noted; nobody gets it twice, even if I am restarted meanwhile. You can stop it at any time.
command-stats = How much there is of everything
help-stats = Counts chats, people, status users and notify groups, and says how the services are that know who is playing.
command-refund = Give a donation back
help-refund = <code>/refund CHARGE</code> gives Stars back. The name of the payment stands in the message about the donation.

bot-description = Shows who of your group is playing right now on Xbox, PlayStation and Steam, and calls together the people who want to play. Add me to your group!
bot-short-description = Who is playing, and who wants to? For groups of gamers.
