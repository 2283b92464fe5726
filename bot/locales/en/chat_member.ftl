# What the bot says when it comes and goes
chat-greeting =
    Hello! I am <b>{ $brand }</b>. I show who is playing, and I call people together.

    Everything that I can do is in the help. If I may delete messages, I tidy up after <code>/notify</code>; I need no other right.
chat-no-channels = I am made for groups; in a channel I can do nothing. Goodbye!
