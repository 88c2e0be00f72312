"""Secrets that must not start: guessable, published, and one value for two of them."""

import base64
import secrets
from itertools import combinations

import pytest

from app.local import environment
from app.local.qstash import __main__ as stand_in
from app.settings.environment import read_settings
from app.settings.secret_values import PUBLISHED, secret_names
from app.settings.values import ROTATED_SECRETS, SettingsError

HEX, KEY = secrets.token_hex(16), base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
QSTASH = {"QSTASH_TOKEN": "token", "QSTASH_CURRENT_SIGNING_KEY": "sig_1", "PUBLIC_BASE_URL": "https://a.example"}
LINKEDIN = {"LINKEDIN_CLIENT_ID": "id", "LINKEDIN_CLIENT_SECRET": "linkedin-1"}
OWN_SECRETS = [f"{name}{end}".upper() for name in ROTATED_SECRETS for end in ("", "_previous")]


def problems(*environs: dict[str, str], **more: str) -> list[str]:
    environ = {name: value for given in (*environs, more) for name, value in given.items()}
    found: list[str] = []
    try:
        read_settings(environ)
    except SettingsError as error:
        found = error.problems
    assert not [raw for raw in environ.values() if len(raw) > 15 and "://" not in raw and raw in str(found)]
    return found


def problem(*environs: dict[str, str], **more: str) -> str:
    [only] = problems(*environs, **more)
    return only


@pytest.mark.parametrize("name", ["AUTH_JWT_SECRET", "AUTH_JWT_SECRET_PREVIOUS"])
def test_signing_secret_under_32_bytes_is_refused(name: str):
    assert problems(**{name: HEX}) == []
    assert problem(**{name: HEX[:31]}).startswith(f"{name} must have at least 32 bytes")
    assert problems(**{name: HEX[:30] + "é"}) == []  # 31 characters, 32 bytes


# Secrets that can be guessed


@pytest.mark.parametrize("name", OWN_SECRETS)
@pytest.mark.parametrize(
    "raw",
    [
        "a" * 32,
        "ab" * 16,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
        "0" * 31 + "1",
        "secretsecretsecretsecretsecretse",
        "s3cr3t-9x" * 4,
        "changeme-changeme-changeme-12345",
        "CHANGE_ME_TO_A_LONG_RANDOM_VALUE",
        "please-replace-this-before-deploy",
        "your-secret-key-goes-here-9f3kz81",
        "<a long random string, 32 bytes>",
        "${CRON_SECRET_FROM_THE_VAULT_9x}",
    ],
)
def test_secret_that_can_be_guessed_is_refused(name: str, raw: str):
    found = problem(**{name: raw})
    assert found.startswith(f"{name} must be random, but ")
    assert found.endswith("Make one with: openssl rand -hex 32")


@pytest.mark.parametrize("name", OWN_SECRETS)
def test_random_secret_of_any_usual_generator_is_accepted(name: str):
    for raw in (secrets.token_hex(32), secrets.token_urlsafe(32), base64.b64encode(secrets.token_bytes(24)).decode()):
        assert problems(**{name: raw}) == [], raw
    for raw in ("correct horse battery staple mine", "callback-secret-0123456789-abcdefg"):
        assert problems(**{name: raw}) == [], raw


@pytest.mark.parametrize("name", ["QSTASH_TOKEN", "QSTASH_CURRENT_SIGNING_KEY", "LINKEDIN_CLIENT_SECRET"])
@pytest.mark.parametrize("raw", ["changeme", "your-token-here", "xxxxxxxx", "replace_me", "0000-0000"])
def test_placeholder_of_another_services_secret_is_refused(name: str, raw: str):
    base = QSTASH | {"QSTASH_NEXT_SIGNING_KEY": ""} | LINKEDIN
    assert problem(base, {name: raw}) == f"{name} must not be a placeholder. Copy it from the console of its service"


@pytest.mark.parametrize("raw", [bytes(32), b"\xff" * 32, b"ab" * 16])
def test_encryption_key_that_can_be_guessed_is_refused(raw: bytes):
    key = base64.urlsafe_b64encode(raw).decode()
    for keys in (key, f"{KEY},{key}"):
        found = problem(TOKEN_ENCRYPTION_KEYS=keys)
        assert found.startswith("TOKEN_ENCRYPTION_KEYS must be random keys, but ")
        assert "Make one with: " in found


# One value for two purposes


def environment_of(*names: str) -> dict[str, str]:
    """Return an environment in which these settings have one value, and their partners have others."""
    environ = QSTASH | LINKEDIN if {"QSTASH", "LINKEDIN"} & {name.split("_")[0] for name in names} else {}
    environ = environ | dict.fromkeys(names, KEY)
    if "N8N_WEBHOOK_AUTH_HEADER" in names:
        environ["N8N_WEBHOOK_AUTH_HEADER"] = f"Authorization: Bearer {KEY}"
    if "DATABASE_URL" in names:
        environ["DATABASE_URL"] = f"postgresql://me:{KEY.replace('=', '%3D')}@h/d"
    return environ


ALL_SECRETS = [*(name.upper() for name in secret_names()), "DATABASE_URL"]


def test_table_of_secrets_names_every_secret_setting():
    named = {"SECRET", "KEY", "KEYS", "TOKEN", "HEADER"}
    assert len(ALL_SECRETS) > 17
    assert all(named & set(name.split("_")) for name in ALL_SECRETS[:-1])
    assert {"TOKEN_ENCRYPTION_KEYS", "N8N_WEBHOOK_AUTH_HEADER", "AUTH_JWT_SECRET_PREVIOUS"} < set(ALL_SECRETS)
    assert "LINKEDIN_CLIENT_ID" not in ALL_SECRETS


@pytest.mark.parametrize(("one", "other"), list(combinations(ALL_SECRETS, 2)))
def test_one_value_for_two_secrets_is_refused(one: str, other: str):
    found = problem(environment_of(one, other))
    assert found.startswith(f"{other} must ")
    assert one in found
    assert any(cure in found for cure in ("Make one with", "Remove it", "Copy both again"))


def test_each_further_setting_with_the_same_value_is_named():
    found = problems(dict.fromkeys(("CRON_SECRET", "ADMIN_SECRET_KEY", "INTERNAL_API_SECRET"), HEX))
    assert [line.split()[0] for line in found] == ["ADMIN_SECRET_KEY", "INTERNAL_API_SECRET"]


def test_one_encryption_key_given_twice_is_refused_in_any_spelling():
    twin = KEY[:-2] + chr(ord(KEY[-2]) + 1) + "="  # the last bits of base64 are unused
    assert base64.urlsafe_b64decode(twin) == base64.urlsafe_b64decode(KEY)
    for keys in (f"{KEY},{KEY}", f"{KEY},{twin}"):
        assert problem(TOKEN_ENCRYPTION_KEYS=keys) == "TOKEN_ENCRYPTION_KEYS must name each key once"


def test_password_of_basic_authentication_is_a_secret_too():
    header = "Authorization: Basic " + base64.b64encode(f"n8n:{HEX}".encode()).decode()
    assert problem(N8N_WEBHOOK_AUTH_HEADER=header, N8N_CALLBACK_SECRET=HEX).startswith("N8N_WEBHOOK_AUTH_HEADER must ")
    assert problems(N8N_WEBHOOK_AUTH_HEADER=header) == []


def test_equal_signing_keys_are_refused():
    keys = dict.fromkeys(("QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY"), "sig_1")
    assert problem(keys) == (
        "QSTASH_NEXT_SIGNING_KEY must differ from QSTASH_CURRENT_SIGNING_KEY. Copy both again from the QStash console"
    )


# Published values


def test_published_values_contain_every_default_of_the_local_stack():
    ours = {environment.QSTASH_TOKEN, environment.QSTASH_CURRENT_SIGNING_KEY, environment.QSTASH_NEXT_SIGNING_KEY}
    ours |= {stand_in.DEV_TOKEN, stand_in.DEV_CURRENT_KEY, stand_in.DEV_NEXT_KEY, environment.LINKEDIN_CLIENT_SECRET}
    assert ours <= PUBLISHED


@pytest.mark.parametrize("name", [name.upper() for name in secret_names() if name != "token_encryption_keys"])
@pytest.mark.parametrize("value", sorted(PUBLISHED))
def test_published_value_is_refused_outside_the_local_stack(name: str, value: str):
    raw = f"X-Api-Key: {value}" if name == "N8N_WEBHOOK_AUTH_HEADER" else value
    environ = environment_of(name) | {name: raw, "PUBLIC_BASE_URL": "http://127.0.0.1:8000"}
    found = problems(environ)
    if "bytes" in found[0] or "common words" in found[0]:
        return  # too short for a signing secret, or made of words
    assert [line.split()[0] for line in found] == [name]
    assert "published for local development" in found[0]
    assert problems(environ, PUNCTUAL_LOCAL="1") == []


def test_client_id_of_the_stand_in_is_refused_outside_the_local_stack():
    environ = LINKEDIN | {"LINKEDIN_CLIENT_ID": environment.LINKEDIN_CLIENT_ID}
    assert problem(environ).startswith("LINKEDIN_CLIENT_ID must not be the local stack's")
    assert problems(environ, PUNCTUAL_LOCAL="1") == []
