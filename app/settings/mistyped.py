"""Find environment variables that look like settings but are none.

Invariant: only names are read, so no value can be shown.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields

from app.settings.values import Settings

SIMILARITY, NEAR_IDENTITY = 0.8, 0.9  # of two names, by difflib's ratio
#: Beginnings of names that no other program uses, as far as known. n8n's own variables begin with N8N_ too.
OUR_PREFIXES = ("PUNCTUAL_", "QSTASH_", "N8N_WEBHOOK", "N8N_CALLBACK", "SWEEP_", "DISPATCH_", "BREAKER_", "POLL_")
#: Variables that are read, but are no setting's name. The local stack reads the ports.
ALSO_READ = frozenset({"POSTGRES_URL", "PORT", "PORT_QSTASH", "PORT_N8N", "PORT_LINKEDIN"})


def mistyped(environ: Mapping[str, str]) -> list[tuple[str, str | None]]:
    """Return (variable, the setting probably meant or None) for each suspicious variable.

    A variable without one of our prefixes counts if it is nearly a setting's name, or if the similar setting is unset.
    """
    known = {"PUNCTUAL_LOCAL" if field.name == "local" else field.name.upper() for field in fields(Settings)}
    found = []
    for name in sorted(set(environ) - known - ALSO_READ):
        plain = name.strip().upper().replace("-", "_")
        similar = difflib.get_close_matches(plain, _candidates(plain, known), n=1, cutoff=SIMILARITY)
        meant = similar[0] if similar else None
        if plain.startswith(OUR_PREFIXES) or (meant and (not environ.get(meant) or _is_near(plain, meant))):
            found.append((name, meant))
    return found


def _is_near(name: str, meant: str) -> bool:
    return difflib.SequenceMatcher(None, name, meant).ratio() >= NEAR_IDENTITY


def _candidates(name: str, known: set[str]) -> set[str]:
    """Return the settings that may be meant. A variable of n8n itself can only be one about n8n."""
    return {setting for setting in known if setting.startswith("N8N_")} if name.startswith("N8N_") else known
