# /support, /feedback und Antworten darauf
support = <b>Wo es Hilfe gibt</b>
support-feedback = /feedback sagt den Leuten etwas, die mich betreiben
support-issues = Einen Fehler melden
support-chat = Chat für Hilfe
feedback-usage = Was möchtest du den Leuten sagen, die mich betreiben? Schreib es hinter den Befehl: <code>/feedback Mir gefällt …</code>
feedback-length = Bitte { $shortest } bis { $longest } Zeichen. Es wurde nichts geschickt.
feedback-too-often = Danke, aber für jetzt ist es genug. Mehr kannst du in { $wait } sagen.
feedback-thanks = Danke! Die Leute, die mich betreiben, werden es lesen.
feedback-from =
    <b>Rückmeldung</b> von { $name }{ $username }, <code>{ $id }</code>
    { $place }, auf { $lang }
feedback-from-private = privat
feedback-from-group = in einer Gruppe
feedback-how-to-answer = <i>Antworte auf diese Nachricht, um zu antworten.</i>
feedback-answer = <b>Eine Antwort auf deine Rückmeldung</b>
feedback-answer-quote = Du hattest geschrieben: <i>{ $text }</i>
feedback-answer-sent = Deine Antwort ist angekommen.
feedback-answer-blocked = Deine Antwort ist nicht angekommen: Sie haben mich nie privat gestartet oder blockieren mich.
feedback-answer-failed = Deine Antwort ist nicht angekommen. Bitte versuch es später noch einmal.
feedback-answer-forgotten = Deine Antwort ist nicht angekommen: Wer das geschrieben hat, wollte vergessen werden.
feedback-answer-text-please = Ich kann bitte nur Text überbringen.
