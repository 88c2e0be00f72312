"""A stand-in for n8n and its publishing workflow.

It accepts a post, publishes it on a simulated network and reports to Punctual. On request it fails as the real n8n
does. A ledger records every received request.
"""
