# /donate, invoices and what comes of them
donate =
    { $brand } costs its operators a little every month: a server, a database, a domain. Nothing of it is for sale, and nobody has to pay.

    If you want to help all the same, thank you! Choose how:
donate-closed = Donations are closed. Tell your friends about me instead!
donate-stars = ⭐ { $amount }
donate-money = { $price } by card
donate-sponsors = Sponsors page
donate-paypal = PayPal
donate-too-many = Those were many invoices. Use one of them, or try again in ten minutes.
donate-invoice-title = Donation
donate-invoice-description = Helps to keep { $brand } running. Thank you!
donate-refused-unknown = I do not know this invoice, or not any more. Please get a new one with /donate.
donate-refused-foreign = This invoice was made for somebody else. Please get your own with /donate.
donate-refused-paid = This invoice was paid already. Thank you!
donate-refused-amount = The amount is not the one on the invoice. Please get a new one with /donate.
donate-thanks = Thank you for { $sum }! That keeps me running.
donate-operator =
    { $name } (<code>{ $id }</code>) donated { $sum }.
    <code>/refund { $charge }</code> gives it back.
donate-sum-stars = { $amount ->
    [one] { $amount } Star
   *[other] { $amount } Stars
}
