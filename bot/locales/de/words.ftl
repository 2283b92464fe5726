# Kleine Wörter: Leute, Zeitspannen
person-unknown = jemand
time-years = { $count ->
    [one] { $count } Jahr
   *[other] { $count } Jahre
}
time-months = { $count ->
    [one] { $count } Monat
   *[other] { $count } Monate
}
time-weeks = { $count ->
    [one] { $count } Woche
   *[other] { $count } Wochen
}
time-days = { $count ->
    [one] { $count } Tag
   *[other] { $count } Tage
}
time-hours = { $count ->
    [one] { $count } Stunde
   *[other] { $count } Stunden
}
time-minutes = { $count ->
    [one] { $count } Minute
   *[other] { $count } Minuten
}
time-seconds = { $count ->
    [one] { $count } Sekunde
   *[other] { $count } Sekunden
}
ago-now = gerade eben
ago-years = { $count ->
    [one] vor { $count } Jahr
   *[other] vor { $count } Jahren
}
ago-months = { $count ->
    [one] vor { $count } Monat
   *[other] vor { $count } Monaten
}
ago-weeks = { $count ->
    [one] vor { $count } Woche
   *[other] vor { $count } Wochen
}
ago-days = { $count ->
    [one] vor { $count } Tag
   *[other] vor { $count } Tagen
}
ago-hours = { $count ->
    [one] vor { $count } Stunde
   *[other] vor { $count } Stunden
}
ago-minutes = { $count ->
    [one] vor { $count } Minute
   *[other] vor { $count } Minuten
}
