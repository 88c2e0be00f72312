"""The server of agents (Model Context Protocol), a program of its own: `python -m app.mcp`.

Invariant: it imports nothing of app. It calls a running Punctual over HTTP, as any other client does.
"""
