# /notify: Leute rufen, wer dabei ist, und eine Weile nicht gerufen werden
notify-none = Du gehörst hier zu keiner Rufgruppe. /list_notify_groups zeigt, welche es gibt.
notify-which = Wen soll ich rufen?
notify-only-hidden = Deine Rufgruppen hier sind verborgen. Ruf eine mit ihrem Namen: <code>/notify Name</code>.
notify-did-you-mean = Oder soll ich <b>{ $name }</b> mit diesem Text rufen?
notify-call = { $name } rufen
notify-not-your-button = Das kann nur drücken, wer den Befehl gegeben hat.
notify-not-in = Du gehörst nicht zu <b>{ $name }</b>, angelegt von { $creator }, und kannst sie deshalb nicht rufen.
notify-too-long = Das ist zu lang: { $length } Zeichen, und höchstens { $limit } gehen. Ich habe niemanden gerufen.
notify-alone = In <b>{ $name }</b> ist noch niemand sonst.
notify-all-muted = Alle anderen in <b>{ $name }</b> wollen gerade nicht gerufen werden.
notify-wait = Das war oft. Der nächste Ruf geht in { $span }.
notify-heading = 📣 { $person } ruft <b>{ $name }</b>
notify-attention = … und bittet um eure Aufmerksamkeit.
notify-more = 📣 <b>{ $name }</b>: { $people }
notify-again = <i>Ich wurde unterbrochen, vielleicht kam das schon einmal. Es ruft niemanden.</i>
notify-muted = 🔕 Nicht gerufen: { $people }

who-is-in-heading = Wer ist dabei für <b>{ $name }</b>?
who-is-in-yes = ✅ { $count }: { $people }
who-is-in-no = ✖️ { $count }: { $people }
who-is-in-button-yes = ✅ Dabei
who-is-in-button-no = ✖️ Geht nicht
who-is-in-you-are = Du bist dabei.
who-is-in-you-cannot = Ein andermal.
who-is-in-not-you = Das ist für die, die zu „{ $name }“ gehören.

mine-in-private = Ich habe dir privat geschrieben.
mine-press-start = Ich darf dir noch nicht schreiben. Öffne den privaten Chat mit mir, drück auf Start und dann noch einmal hier.
mine-none = Du gehörst zu keiner Rufgruppe dieser Gruppe.
mine-heading = Deine Rufgruppen in <b>{ $title }</b>. Wähl eine, um eine Weile nicht gerufen zu werden.
mine-creator-only = Du hast sie angelegt und stehst nicht auf ihrer Liste: Du wirst nicht gerufen.
mine-called = Du wirst gerufen.
mine-muted = 🔕 Du wirst noch { $span } nicht gerufen.
mine-mute = 🔕 { $hours } h
mine-unmute = 🔔 Wieder rufen
mine-not-in = Du gehörst nicht mehr dazu.
