# Was alle Dialoge gemeinsam haben
dialogue-cancel = Abbrechen
dialogue-skip = Überspringen
dialogue-back = Zurück
dialogue-save = Speichern
dialogue-edit = Ändern
dialogue-cancelled = Abgebrochen. Es wurde nichts geändert.
dialogue-timed-out = Das hat zu lange gedauert, deshalb frage ich nicht weiter. Es wurde nichts geändert. Gib den Befehl noch einmal, um neu anzufangen.
dialogue-dropped = Hier frage ich nicht weiter, weil du etwas anderes angefangen hast.
dialogue-nothing-to-cancel = Es gibt nichts abzubrechen. /help zeigt, was ich kann.
dialogue-none = Ich frage gerade nichts. /help zeigt, was ich kann.
dialogue-text-please = Das brauche ich bitte als Text. Oder /cancel.
