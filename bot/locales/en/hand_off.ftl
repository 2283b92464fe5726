# From a group to the private chat
hand-off-told = { $name }, I wrote to you in private, to go on there.
hand-off-press = { $name }, let us go on in private: press the button, then Start.
hand-off-open = Go on in private
hand-off-private = You gave the command /{ $command } in <b>{ $title }</b>. Shall we begin?
hand-off-begin = Begin
hand-off-unknown = This link is not valid, or not any more. Please give the command in the group again.
hand-off-you-left = You are not in that group any more. Join it again, then give the command /{ $command } there.
hand-off-bot-gone = I am not in that group any more. Add me again, then give the command /{ $command } there.
