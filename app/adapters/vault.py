"""Own the encryption at rest of account tokens: Fernet, with several keys for rotation.

Each secret is encrypted together with the name of its field. Fernet has no associated data, so the name is a part of
the plaintext, and a ciphertext moved to another row does not open there.
Invariant: the app binds each new ciphertext. An unbound one opens until `flask keys rotate-encryption`.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

#: Begins a stored ciphertext. Earlier versions of the app cannot read it, instead of taking the name for the token.
PREFIX = "bound1."
#: Begins its plaintext, before the name and the secret. No token begins with it: tokens are visible ASCII.
BOUND, END = "\0bound1\0", "\0"
UNREADABLE = "no key of TOKEN_ENCRYPTION_KEYS opens this secret"


class FernetVault:
    """An implementation of ports.Vault. The first key encrypts, and every key can decrypt."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("TOKEN_ENCRYPTION_KEYS is empty: account tokens are never stored unencrypted")
        self._keys = tuple(keys)

    @cached_property
    def _fernets(self) -> list[Fernet]:
        from cryptography.fernet import Fernet

        return [Fernet(key) for key in self._keys]

    def encrypt(self, secret: str, field: str | None = None) -> str:
        """Encrypt a secret, bound to its field. Without one, the ciphertext has the form of before the binding."""
        if field is None:
            return self._fernets[0].encrypt(secret.encode()).decode("ascii")
        return PREFIX + self._fernets[0].encrypt(f"{BOUND}{field}{END}{secret}".encode()).decode("ascii")

    def decrypt(self, stored: str, field: str = "") -> str:
        """Decrypt a stored secret.

        Raises: ValueError when no key fits, the content is no text, or the ciphertext is bound to another field.
        """
        return self._open(stored, field)[0]

    def is_current(self, stored: str, field: str) -> bool:
        """Return True if the first key encrypted this secret, bound to its field.

        Raises: ValueError like `decrypt`.
        """
        _, key, bound = self._open(stored, field)
        return bound and key == 0

    def _open(self, stored: str, field: str) -> tuple[str, int, bool]:
        """Return the secret, the number of its key, and whether it is bound.

        Raises: ValueError like `decrypt`.
        """
        for number, fernet in enumerate(self._fernets):
            text = _decrypted(fernet, stored.removeprefix(PREFIX))
            if text is not None:
                secret, bound = _unbound(text, field)
                return secret, number, bound
        raise ValueError(UNREADABLE)


def _decrypted(fernet: Fernet, stored: str) -> str | None:
    from cryptography.fernet import InvalidToken

    try:
        return fernet.decrypt(stored.encode()).decode()
    except (InvalidToken, ValueError):
        return None


def _unbound(text: str, field: str) -> tuple[str, bool]:
    """Return the secret, and True if it is bound to the field. An older one is bound to none.

    Raises: ValueError for a secret of another field or of a later version.
    """
    if not text.startswith(END):
        return text, False
    name, end, secret = text.removeprefix(BOUND).partition(END)
    if not text.startswith(BOUND) or not end or not hmac.compare_digest(name.encode(), field.encode()):
        raise ValueError(f"{UNREADABLE} in this row")
    return secret, True
