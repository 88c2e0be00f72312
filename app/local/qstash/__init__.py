"""A stand-in for QStash that speaks its HTTP API and keeps its messages on disk.

Nothing here imports the application: the two meet over HTTP only, as they do in production.
Start it with `python -m app.local.qstash`.
"""
