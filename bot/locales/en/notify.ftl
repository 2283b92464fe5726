# /notify: calling people, who is in, and not being called for a while
notify-none = You are in no notify group here. /list_notify_groups shows which there are.
notify-which = Whom shall I call?
notify-only-hidden = Your notify groups here are hidden. Call one by its name: <code>/notify name</code>.
notify-did-you-mean = Or shall I call <b>{ $name }</b> with this text?
notify-call = Call { $name }
notify-not-your-button = Only who gave the command can press this.
notify-not-in = You are not in <b>{ $name }</b>, which { $creator } created, so you cannot call it.
notify-too-long = That is too long: { $length } characters, and at most { $limit } are possible. I called nobody.
notify-alone = There is nobody else in <b>{ $name }</b> yet.
notify-all-muted = Everybody else in <b>{ $name }</b> does not want to be called at the moment.
notify-wait = That was often. Call again in { $span }.
notify-heading = 📣 { $person } calls <b>{ $name }</b>
notify-attention = … and would like your attention.
notify-more = 📣 <b>{ $name }</b>: { $people }
notify-again = <i>I was interrupted, so this may have come before. It calls nobody.</i>
notify-muted = 🔕 Not called: { $people }

who-is-in-heading = Who is in for <b>{ $name }</b>?
who-is-in-yes = ✅ { $count }: { $people }
who-is-in-no = ✖️ { $count }: { $people }
who-is-in-button-yes = ✅ I’m in
who-is-in-button-no = ✖️ Can’t
who-is-in-you-are = You are in.
who-is-in-you-cannot = Another time.
who-is-in-not-you = This is for who is in “{ $name }”.

mine-in-private = I wrote to you in private.
mine-press-start = I may not write to you yet. Open the private chat with me, press Start, then press here again.
mine-none = You are in no notify group of that group.
mine-heading = Your notify groups in <b>{ $title }</b>. Choose one not to be called for a while.
mine-creator-only = You created it, and you are not on its list: you are not called.
mine-called = You are called.
mine-muted = 🔕 You are not called for another { $span }.
mine-mute = 🔕 { $hours } h
mine-unmute = 🔔 Call me again
mine-not-in = You are not in it any more.
