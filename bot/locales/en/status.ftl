# /status: who is playing
status-none = There is nobody to show yet. Add somebody with /add_status_user.
status-no-match = Nobody here is called anything like <b>{ $name }</b>.
status-looking = Looking … this takes up to 15 seconds.
status-wait = That was often. Ask again in { $span }.
status-refresh = 🔄 Refresh
status-refreshing = Looking …
status-refresh-wait = Refreshed a moment ago. Again in { $span }.
