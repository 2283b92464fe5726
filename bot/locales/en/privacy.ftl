# /privacy and /forget_me
privacy =
    <b>What { $brand } stores, why, and how long</b>

    <b>People I have seen:</b> number, first name, username, language. To show names and to find whoever is invited. Until /forget_me.
    <b>Chats:</b> number, title, settings, whether I can write there. To work there at all. A group’s data is deleted 30 days after I was removed.
    <b>Status users:</b> the name and the gaming accounts that you enter. To ask Xbox Live, PSN and Steam who is playing. Until you delete them.
    <b>Notify groups and invitations:</b> who is a member, who was invited, who is muted. To call people. Until you leave or the list is deleted; invitations a month after they expire.
    <b>Dialogues:</b> what you answered, until the dialogue ends, at most a day.
    <b>Feedback:</b> its text and who sent it, so that you can be answered. A year.
    <b>Announcements:</b> which chat got which one, so that nobody gets one twice.
    <b>Payments:</b> who paid how much when. The law wants these kept.
    <b>Against flooding:</b> when you last used some commands. An hour at most.

    I do not store what is said in groups, except the text of a call until everybody is called, and my log has no names and no texts. /forget_me deletes what is stored about you.
forget-me-ask =
    <b>Shall I forget you?</b>

    I take you off every list, delete your status users, our dialogue, your name and your settings, and remove your name from your feedback. Notify groups of yours go to the member who is on the list longest, or are deleted if there is nobody else. Payments stay, since the law wants that.

    This cannot be undone. If you use me again, I get to know you anew.
forget-me-yes = Forget me
forget-me-no = Do not
forget-me-cancelled = Nothing was changed.
forget-me-done = Done: I have forgotten you. Farewell!
forget-me-handed-over = The notify group <b>{ $name }</b> belongs to { $person } now, since its former creator is gone.
