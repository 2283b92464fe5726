# /donate, Rechnungen und was daraus wird
donate =
    { $brand } kostet die Leute, die es betreiben, jeden Monat ein wenig: ein Server, eine Datenbank, eine Domain. Nichts davon steht zum Verkauf, und niemand muss zahlen.

    Wenn du trotzdem helfen willst: danke! Such dir aus, wie:
donate-closed = Spenden sind geschlossen. Erzähl lieber deinen Freunden von mir!
donate-stars = ⭐ { $amount }
donate-money = { $price } per Karte
donate-sponsors = Sponsorenseite
donate-paypal = PayPal
donate-too-many = Das waren viele Rechnungen. Nimm eine davon, oder versuch es in zehn Minuten noch einmal.
donate-invoice-title = Spende
donate-invoice-description = Hilft, { $brand } am Laufen zu halten. Danke!
donate-refused-unknown = Diese Rechnung kenne ich nicht oder nicht mehr. Hol dir bitte mit /donate eine neue.
donate-refused-foreign = Diese Rechnung ist für jemand anderen. Hol dir bitte mit /donate eine eigene.
donate-refused-paid = Diese Rechnung ist schon bezahlt. Danke!
donate-refused-amount = Der Betrag ist nicht der auf der Rechnung. Hol dir bitte mit /donate eine neue.
donate-thanks = Danke für { $sum }! Das hält mich am Laufen.
donate-operator =
    { $name } (<code>{ $id }</code>) hat { $sum } gespendet.
    <code>/refund { $charge }</code> gibt es zurück.
donate-sum-stars = { $amount ->
    [one] { $amount } Stern
   *[other] { $amount } Sterne
}
