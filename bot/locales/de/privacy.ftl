# /privacy und /forget_me
privacy =
    <b>Was { $brand } speichert, wozu und wie lange</b>

    <b>Leute, die ich gesehen habe:</b> Nummer, Vorname, Benutzername, Sprache. Um Namen zu zeigen und zu finden, wer eingeladen wird. Bis /forget_me.
    <b>Chats:</b> Nummer, Titel, Einstellungen, ob ich dort schreiben kann. Um dort überhaupt zu arbeiten. Die Daten einer Gruppe werden 30 Tage, nachdem ich entfernt wurde, gelöscht.
    <b>Statusnutzer:</b> der Name und die Spielkonten, die du einträgst. Um Xbox Live, PSN und Steam zu fragen, wer gerade spielt. Bis du sie löschst.
    <b>Rufgruppen und Einladungen:</b> wer Mitglied ist, wer eingeladen wurde, wer gerade nicht gerufen werden will. Um Leute zu rufen. Bis du gehst oder die Liste gelöscht wird; Einladungen bis einen Monat nach ihrem Ablauf.
    <b>Dialoge:</b> was du geantwortet hast, bis der Dialog endet, höchstens einen Tag.
    <b>Rückmeldungen:</b> ihr Text und von wem sie sind, damit du eine Antwort bekommen kannst. Ein Jahr.
    <b>Ankündigungen:</b> welcher Chat welche bekommen hat, damit niemand eine zweimal bekommt.
    <b>Zahlungen:</b> wer wann wie viel gezahlt hat. Das Gesetz will, dass sie aufbewahrt werden.
    <b>Gegen Überflutung:</b> wann du manche Befehle zuletzt benutzt hast. Höchstens eine Stunde.

    Was in Gruppen gesagt wird, speichere ich nicht, außer dem Text eines Rufs, bis alle gerufen sind, und in meinem Protokoll stehen keine Namen und keine Texte. /forget_me löscht, was über dich gespeichert ist.
forget-me-ask =
    <b>Soll ich dich vergessen?</b>

    Ich streiche dich von jeder Liste, lösche deine Statusnutzer, unseren Dialog, deinen Namen und deine Einstellungen und entferne deinen Namen von deinen Rückmeldungen. Deine Rufgruppen gehen an das Mitglied, das am längsten auf der Liste steht, oder werden gelöscht, wenn sonst niemand da ist. Zahlungen bleiben, weil das Gesetz es will.

    Das lässt sich nicht rückgängig machen. Wenn du mich wieder benutzt, lerne ich dich neu kennen.
forget-me-yes = Vergiss mich
forget-me-no = Doch nicht
forget-me-cancelled = Es wurde nichts geändert.
forget-me-done = Fertig: Ich habe dich vergessen. Leb wohl!
forget-me-handed-over = Die Rufgruppe <b>{ $name }</b> gehört jetzt { $person }, weil nicht mehr da ist, wer sie vorher hatte.
