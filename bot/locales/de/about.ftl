# /about und /age
about =
    <b>{ $brand }</b> { $version }

    Zeigt, wer von euch gerade spielt, auf Xbox, PlayStation und PC.
    Ruft die Leute zusammen, mit denen ihr spielt: jedes Spiel, jeder Abend eine eigene Liste.
about-source = Quelltext
about-age = Ich bin { $age } alt.
