# Small words: people, spans of time
person-unknown = someone
time-years = { $count ->
    [one] { $count } year
   *[other] { $count } years
}
time-months = { $count ->
    [one] { $count } month
   *[other] { $count } months
}
time-weeks = { $count ->
    [one] { $count } week
   *[other] { $count } weeks
}
time-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
time-hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
time-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
time-seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}
ago-now = just now
ago-years = { $count ->
    [one] { $count } year ago
   *[other] { $count } years ago
}
ago-months = { $count ->
    [one] { $count } month ago
   *[other] { $count } months ago
}
ago-weeks = { $count ->
    [one] { $count } week ago
   *[other] { $count } weeks ago
}
ago-days = { $count ->
    [one] { $count } day ago
   *[other] { $count } days ago
}
ago-hours = { $count ->
    [one] { $count } hour ago
   *[other] { $count } hours ago
}
ago-minutes = { $count ->
    [one] { $count } minute ago
   *[other] { $count } minutes ago
}
