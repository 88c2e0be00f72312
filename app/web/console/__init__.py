"""The console: its page, its built files, and its session.

Invariant: nothing here is needed by the API, which works without a build.
"""
