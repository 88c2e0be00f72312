"""A stand-in for n8n and its publishing workflow: accepts a post, puts it on a feed of its own, and reports back.

It answers and fails as the real one does, on request, and keeps a ledger of all that it was sent.
"""
