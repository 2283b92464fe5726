# What the conversations about notify groups share
notify-group-unknown = There is no notify group <b>{ $name }</b> here. /list_notify_groups shows which there are.
notify-group-and-more = { $names } and { $count } more
