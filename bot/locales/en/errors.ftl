# What went wrong, and what to do about it
callback-expired = This button has expired.
error-unexpected = Sorry, something went wrong. Please try again later. If it happens again, report it with this code: { $code }
error-unknown-command = I do not know this command. /help shows what I can do.
error-only-in-groups = /{ $command } only works in groups. Add me to one and give the command there.
error-only-in-private = /{ $command } only works in the private chat with me.
error-as-oneself = I need to know who you are for /{ $command }. Please send it as yourself, not as the group or a channel.
