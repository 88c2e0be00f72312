"""Encrypt every stored secret with the first key, bound to its row: `flask keys rotate-encryption`.

Invariant: it may be interrupted anywhere and run again. A concurrent refresh, reconnection or removal wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from app.deps import Deps
from app.domain.errors import Locked, NotConfigured
from app.domain.ports import Vault
from app.log import emit
from app.store.accounts import ciphertexts
from app.store.accounts.ciphertexts import ENCRYPTED_COLUMNS, Ciphertext, EncryptedColumn

BATCH = 100


@dataclass(slots=True)
class Rotated:
    """The result, in secrets. `unreadable` and `busy` name them as "table.column key".

    `busy`: the row is locked, changes all the time, or its tokens are refreshed now.
    """

    encrypted: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return not self.unreadable and not self.busy


def rotate_encryption(deps: Deps, *, dry_run: bool = False) -> Rotated:
    """Encrypt again what a former key encrypted, or what is not bound to its row. With `dry_run`, only count.

    Raises: NotConfigured without encryption keys, Unavailable. The batches before it are kept.
    """
    vault, done = deps.vault, Rotated()
    if vault is None:
        raise NotConfigured("not_configured", "TOKEN_ENCRYPTION_KEYS is missing. Set it first.")
    for encrypted in ENCRYPTED_COLUMNS:
        changed: list[str] = []
        for batch in _batches(deps, encrypted):
            changed += _rotate(deps, vault, encrypted, batch, done, dry_run)
        if changed:  # by another process meanwhile
            with deps.db.reading() as connection:
                again = ciphertexts.read(connection, encrypted, changed)
            left = _rotate(deps, vault, encrypted, again, done, dry_run)
            done.busy += [f"{encrypted.title} {key}" for key in left]
    if not dry_run:
        unreadable, busy = len(done.unreadable), len(done.busy)
        emit("keys.rotated", encrypted=done.encrypted, current=done.current, unreadable=unreadable, busy=busy)
    return done


def _batches(deps: Deps, encrypted: EncryptedColumn) -> Iterator[list[Ciphertext]]:
    after: str | None = None
    while True:
        with deps.db.reading() as connection:
            batch = ciphertexts.page(connection, encrypted, after, deps.clock.now(), BATCH)
        if not batch:
            return
        yield batch
        after = batch[-1].key


def _rotate(
    deps: Deps, vault: Vault, encrypted: EncryptedColumn, batch: list[Ciphertext], done: Rotated, dry_run: bool
) -> list[str]:
    """Encrypt the batch again where needed, and count it. Return the keys of rows changed meanwhile."""
    former: list[tuple[Ciphertext, str]] = []
    for secret in batch:
        name = encrypted.field_of(secret.key)
        try:
            if vault.is_current(secret.stored, name):
                done.current += 1
            else:
                former.append((secret, vault.encrypt(vault.decrypt(secret.stored, name), name)))
        except ValueError:
            done.unreadable.append(f"{encrypted.title} {secret.key}")
    stored = {secret.key for secret, _ in former} if dry_run else _store(deps, encrypted, former)
    done.encrypted += len(stored)
    return [secret.key for secret, _ in former if secret.key not in stored]


def _store(deps: Deps, encrypted: EncryptedColumn, former: list[tuple[Ciphertext, str]]) -> set[str]:
    """Replace the ciphertexts in one transaction, or each in its own where a row is locked. Return their keys."""
    if not former:
        return set()
    try:
        with deps.db.transaction() as tx:
            now = deps.clock.now()
            return {secret.key for secret, new in former if ciphertexts.replace(tx, encrypted, secret, new, now)}
    except Locked:
        if len(former) == 1:
            return set()
    return {key for one in former for key in _store(deps, encrypted, [one])}
