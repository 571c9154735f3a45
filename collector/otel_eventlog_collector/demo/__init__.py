"""What `otel-eventlog demo` runs: a collector, two small real apps, a crowd of simulated users.

`apps/` are the applications, written the way an ordinary team would: read them as examples.
`rules.toml` says which of their routes are which actions. `crowd/` are the users, who know the
apps over HTTP only and can write down what they did. `processes.py` and `stage.py` start and stop
it all.
"""
