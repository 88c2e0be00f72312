"""A stand-in for QStash with its HTTP API and its messages on disk.

Nothing here imports the app. The two communicate over HTTP only, as in production.
Start it with `python -m app.local.qstash`.
"""
