# /status: wer gerade spielt
status-none = Es gibt noch niemanden zu zeigen. Füg jemanden hinzu: /add_status_user.
status-no-match = Hier heißt niemand so ähnlich wie <b>{ $name }</b>.
status-looking = Ich sehe nach … das dauert bis zu 15 Sekunden.
status-wait = Das war oft. Frag in { $span } noch einmal.
status-refresh = 🔄 Auffrischen
status-refreshing = Ich sehe nach …
status-refresh-wait = Gerade erst aufgefrischt. Wieder in { $span }.
