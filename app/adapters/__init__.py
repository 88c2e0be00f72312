"""The outside world: QStash, n8n, users' tokens, the clock and encryption. The only outbound network of the app.

Heavy third parties are imported at first use, so that a cold start pays only for what its request needs.
"""
