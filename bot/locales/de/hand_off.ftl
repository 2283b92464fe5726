# Von der Gruppe in den privaten Chat
hand-off-told = { $name }, ich habe dir privat geschrieben, damit wir dort weitermachen.
hand-off-press = { $name }, lass uns privat weitermachen: Drück auf den Knopf, dann auf Start.
hand-off-open = Privat weitermachen
hand-off-private = Du hast in <b>{ $title }</b> den Befehl /{ $command } gegeben. Wollen wir anfangen?
hand-off-begin = Anfangen
hand-off-unknown = Dieser Link gilt nicht oder nicht mehr. Bitte gib den Befehl in der Gruppe noch einmal.
hand-off-you-left = Du bist nicht mehr in dieser Gruppe. Tritt ihr wieder bei und gib dort den Befehl /{ $command }.
hand-off-bot-gone = Ich bin nicht mehr in dieser Gruppe. Füg mich wieder hinzu und gib dort den Befehl /{ $command }.
