# /start and the choice of a language
start-private =
    Hello { $name }! I am <b>{ $brand }</b>.

    I show who of your group is playing right now, and I call together the people who want to play. /help shows everything.
start-group = I am <b>{ $brand }</b>. What I can do is in our private chat.
start-open = Open the private chat
start-help = Help
start-add-to-group = Add me to a group
start-language = Language · Sprache
start-choose-language = In which language shall I write to you?
start-language-chosen = From now on I write to you in English.
