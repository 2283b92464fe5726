# The help card
help-main =
    <b>{ $brand }</b>

    What would you like to know about?
help-back = Back
help-open = Open the help
help-in-private = The help is in our private chat.
help-aliases = Short: { $names }
help-only-in-groups = Only in groups.
help-only-in-private = Only in our private chat.
category-general = General
category-status-users = Who is playing
category-notify-groups = Notify groups
category-jokes = Jokes
category-support = Support
category-donations = Donations
category-settings = Settings and privacy
category-operator = Operator
