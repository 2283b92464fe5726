# /about and /age
about =
    <b>{ $brand }</b> { $version }

    Shows who of you is playing right now, on Xbox, PlayStation and PC.
    Calls the people you play with: each game, each evening its own list.
about-source = Source
about-age = I am { $age } old.
