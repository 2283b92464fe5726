# What all dialogues have in common
dialogue-cancel = Cancel
dialogue-skip = Skip
dialogue-back = Back
dialogue-save = Save
dialogue-edit = Edit
dialogue-cancelled = Cancelled. Nothing was changed.
dialogue-timed-out = That took too long, so I stopped asking. Nothing was changed. To start again, give the command again.
dialogue-dropped = I stopped asking here, since you began something else.
dialogue-nothing-to-cancel = There is nothing to cancel. /help shows what I can do.
dialogue-none = I am not asking anything at the moment. /help shows what I can do.
dialogue-text-please = I need that as text, please. Or /cancel.
