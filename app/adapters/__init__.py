"""Own all outbound network calls, plus the system clock, encryption and token checks.

Invariant: heavy third-party packages are imported at first use, so a cold start pays only for its own request.
"""
