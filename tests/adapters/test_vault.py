"""Tests of FernetVault: encryption, key rotation and unreadable secrets."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from app.adapters.vault import FernetVault

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


def test_encrypted_text_hides_the_secret_and_decrypts_to_it() -> None:
    vault = FernetVault([NEW])
    stored = vault.encrypt("geheim-ü")
    assert "geheim" not in stored
    assert vault.decrypt(stored) == "geheim-ü"


def test_first_key_encrypts_and_every_key_decrypts() -> None:
    stored_before = FernetVault([OLD]).encrypt("token")
    rotated = FernetVault([NEW, OLD])
    assert rotated.decrypt(stored_before) == "token"
    assert FernetVault([NEW]).decrypt(rotated.encrypt("token")) == "token"


@pytest.mark.parametrize(
    "stored",
    ["", "not a secret", "gAAAA", "ü", pytest.param(FernetVault([OTHER]).encrypt("token"), id="another key's")],
)
def test_decrypt_raises_value_error_when_no_key_fits(stored: str) -> None:
    with pytest.raises(ValueError, match="no key of TOKEN_ENCRYPTION_KEYS"):
        FernetVault([NEW, OLD]).decrypt(stored)


def test_decrypt_raises_value_error_when_the_content_is_not_text() -> None:
    stored = Fernet(NEW).encrypt(b"\xff\xfe").decode()
    with pytest.raises(ValueError, match="no key of TOKEN_ENCRYPTION_KEYS"):
        FernetVault([NEW]).decrypt(stored)


def test_vault_without_keys_is_refused() -> None:
    with pytest.raises(ValueError, match="TOKEN_ENCRYPTION_KEYS"):
        FernetVault([])
