# Was schiefging und was dagegen hilft
callback-expired = Dieser Knopf gilt nicht mehr.
error-unexpected = Entschuldige, da ging etwas schief. Bitte versuch es später noch einmal. Wenn es wieder passiert, melde es mit diesem Code: { $code }
error-unknown-command = Diesen Befehl kenne ich nicht. /help zeigt, was ich kann.
error-only-in-groups = /{ $command } geht nur in Gruppen. Füg mich zu einer hinzu und gib den Befehl dort.
error-only-in-private = /{ $command } geht nur im privaten Chat mit mir.
error-as-oneself = Für /{ $command } muss ich wissen, wer du bist. Bitte schick es als du selbst, nicht als Gruppe oder Kanal.
