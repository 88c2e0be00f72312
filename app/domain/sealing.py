"""The names of encrypted fields. A ciphertext is bound to its name, so it opens in no other row or column.

Invariant: a name is never changed, because the stored ciphertexts carry it.
"""

from __future__ import annotations


def access_token_of(account_id: str) -> str:
    return f"social_accounts/{account_id}/access_token"


def refresh_token_of(account_id: str) -> str:
    return f"social_accounts/{account_id}/refresh_token"


def verifier_of(state_hash: str) -> str:
    return f"oauth_states/{state_hash}/verifier"


def endpoint_secret_of(endpoint_id: str) -> str:
    return f"webhook_endpoints/{endpoint_id}/secret"


def previous_secret_of(endpoint_id: str) -> str:
    return f"webhook_endpoints/{endpoint_id}/previous_secret"
