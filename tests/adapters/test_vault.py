"""Tests of FernetVault: encryption, key rotation, binding to a field, and unreadable secrets."""

from __future__ import annotations

import base64

import pytest
from cryptography.fernet import Fernet, InvalidToken

from app.adapters.vault import BOUND, END, PREFIX, FernetVault
from app.domain.sealing import access_token_of, refresh_token_of, verifier_of

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
MINE, YOURS = access_token_of("11111111-0000-4000-8000-000000000000"), access_token_of("2")


def fernet_of(stored: str) -> bytes:
    return stored.removeprefix(PREFIX).encode()


def test_encrypted_text_hides_the_secret_and_decrypts_to_it() -> None:
    vault = FernetVault([NEW])
    stored = vault.encrypt("geheim-ü", MINE)
    assert "geheim" not in stored
    assert vault.decrypt(stored, MINE) == "geheim-ü"


@pytest.mark.parametrize("secret", ["", "token", f"{END}token", f"{BOUND}{YOURS}{END}token", PREFIX, "a" * 20_000])
def test_any_secret_comes_back_from_its_own_field_alone(secret: str) -> None:
    vault = FernetVault([NEW])
    stored = vault.encrypt(secret, MINE)
    assert vault.decrypt(stored, MINE) == secret
    for field in (YOURS, refresh_token_of("1"), MINE + "x", MINE[:-1], ""):
        with pytest.raises(ValueError, match="no key of TOKEN_ENCRYPTION_KEYS opens this secret in this row"):
            vault.decrypt(stored, field)


def test_names_of_fields_are_never_changed() -> None:
    """Stored ciphertexts carry them."""
    assert access_token_of("a") == "social_accounts/a/access_token"
    assert refresh_token_of("a") == "social_accounts/a/refresh_token"
    assert verifier_of("a") == "oauth_states/a/verifier"


def test_first_key_encrypts_and_every_key_decrypts() -> None:
    stored_before = FernetVault([OLD]).encrypt("token", MINE)
    rotated = FernetVault([NEW, OLD])
    assert rotated.decrypt(stored_before, MINE) == "token"
    assert FernetVault([NEW]).decrypt(rotated.encrypt("token", MINE), MINE) == "token"


def test_current_is_what_the_first_key_encrypted_for_this_field() -> None:
    vault = FernetVault([NEW, OLD])
    assert vault.is_current(vault.encrypt("token", MINE), MINE)
    assert not vault.is_current(FernetVault([OLD]).encrypt("token", MINE), MINE)
    for key in (NEW, OLD):
        assert not vault.is_current(Fernet(key).encrypt(b"token").decode(), MINE)
    for stored in (FernetVault([OTHER]).encrypt("token", MINE), vault.encrypt("token", YOURS), ""):
        with pytest.raises(ValueError, match="no key of TOKEN_ENCRYPTION_KEYS"):
            vault.is_current(stored, MINE)


def test_older_ciphertext_without_a_field_still_opens() -> None:
    stored = Fernet(OLD).encrypt(b"token").decode()
    assert FernetVault([NEW, OLD]).decrypt(stored, MINE) == "token"
    with pytest.raises(ValueError, match="no key of TOKEN_ENCRYPTION_KEYS"):
        FernetVault([NEW]).decrypt(stored, MINE)


def test_binding_holds_without_the_prefix_too() -> None:
    """The prefix is no proof. Removing it must not unbind a secret, nor show its name as the token."""
    vault = FernetVault([NEW])
    bare = fernet_of(vault.encrypt("token", MINE)).decode()
    assert vault.decrypt(bare, MINE) == "token"
    with pytest.raises(ValueError, match="in this row"):
        vault.decrypt(bare, YOURS)


def test_earlier_version_cannot_read_a_bound_secret() -> None:
    """It would take the field's name for a part of the token, and send both."""
    with pytest.raises(InvalidToken):
        Fernet(NEW).decrypt(FernetVault([NEW]).encrypt("token", MINE).encode())


@pytest.mark.parametrize("text", [f"{END}bound2{END}{MINE}{END}token", END, f"{BOUND}{MINE}", BOUND, f"{END}token"])
def test_envelope_of_another_version_or_without_an_end_is_refused(text: str) -> None:
    for prefix in ("", PREFIX):
        with pytest.raises(ValueError, match="no key of TOKEN_ENCRYPTION_KEYS"):
            FernetVault([NEW]).decrypt(prefix + Fernet(NEW).encrypt(text.encode()).decode(), MINE)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "not a secret",
        "gAAAA",
        "ü",
        PREFIX,
        pytest.param(FernetVault([OTHER]).encrypt("token", MINE), id="other key"),
    ],
)
def test_decrypt_raises_value_error_when_no_key_fits(stored: str) -> None:
    with pytest.raises(ValueError, match="no key of TOKEN_ENCRYPTION_KEYS"):
        FernetVault([NEW, OLD]).decrypt(stored, MINE)


def test_changed_ciphertext_is_refused() -> None:
    stored = FernetVault([NEW]).encrypt("token", MINE)
    raw = bytearray(base64.urlsafe_b64decode(fernet_of(stored)))
    for place in (0, 9, 20, 40, -1):
        changed = bytearray(raw)
        changed[place] ^= 1
        with pytest.raises(ValueError, match="no key of TOKEN_ENCRYPTION_KEYS"):
            FernetVault([NEW]).decrypt(PREFIX + base64.urlsafe_b64encode(bytes(changed)).decode(), MINE)


def test_decrypt_raises_value_error_when_the_content_is_not_text() -> None:
    stored = Fernet(NEW).encrypt(b"\xff\xfe").decode()
    with pytest.raises(ValueError, match="no key of TOKEN_ENCRYPTION_KEYS"):
        FernetVault([NEW]).decrypt(stored, MINE)


def test_vault_without_keys_is_refused() -> None:
    with pytest.raises(ValueError, match="TOKEN_ENCRYPTION_KEYS"):
        FernetVault([])
