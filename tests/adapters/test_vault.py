from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from app.adapters.vault import FernetVault

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


def test_what_is_stored_is_not_the_secret_and_opens_again() -> None:
    vault = FernetVault([NEW])
    stored = vault.encrypt("geheim-ü")
    assert "geheim" not in stored
    assert vault.decrypt(stored) == "geheim-ü"


def test_the_first_key_encrypts_and_all_of_them_decrypt() -> None:
    stored_before = FernetVault([OLD]).encrypt("token")
    rotated = FernetVault([NEW, OLD])
    assert rotated.decrypt(stored_before) == "token"
    assert FernetVault([NEW]).decrypt(rotated.encrypt("token")) == "token"


@pytest.mark.parametrize(
    "stored",
    ["", "not a secret", "gAAAA", "ü", pytest.param(FernetVault([OTHER]).encrypt("token"), id="another key's")],
)
def test_what_no_key_opens_is_a_value_error_without_the_text(stored: str) -> None:
    with pytest.raises(ValueError, match="no key of TOKEN_ENCRYPTION_KEYS"):
        FernetVault([NEW, OLD]).decrypt(stored)


def test_what_opens_but_is_no_text_is_the_same_value_error() -> None:
    stored = Fernet(NEW).encrypt(b"\xff\xfe").decode()
    with pytest.raises(ValueError, match="no key of TOKEN_ENCRYPTION_KEYS"):
        FernetVault([NEW]).decrypt(stored)


def test_without_keys_there_is_no_vault() -> None:
    with pytest.raises(ValueError, match="TOKEN_ENCRYPTION_KEYS"):
        FernetVault([])
