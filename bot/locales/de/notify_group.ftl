# Was die Gespräche über Rufgruppen gemeinsam haben
notify-group-unknown = Eine Rufgruppe <b>{ $name }</b> gibt es hier nicht. /list_notify_groups zeigt, welche es gibt.
notify-group-and-more = { $names } und { $count } weitere
