"""Settings that people paste: trimmed, and refused where they cannot stand in an HTTP header."""

import dataclasses

import pytest

from app.settings import readers
from app.settings.environment import read_settings
from app.settings.values import READ, Settings, SettingsError

AROUND = ["{}\n", "\r\n{}\r\n", "\u200b{}", "{}\ufeff", "\u00a0{}\u3000", "\ufeff {}\u200b\n"]
IN_HEADERS = [
    field.name.upper()
    for field in dataclasses.fields(Settings)
    if field.metadata[READ] in (readers.credential, readers.secret_header, readers.header_line)
]
VALUE = "b7kd03-mzq91-vh5-tw68-xr2-ycj4-nf"


def value_for(name: str) -> str:
    return f"X-Api-Key: {VALUE}" if name == "N8N_WEBHOOK_AUTH_HEADER" else VALUE


def partners(name: str) -> dict[str, str]:
    """Return the other settings that this one needs."""
    linkedin = {"LINKEDIN_CLIENT_ID": "id", "LINKEDIN_CLIENT_SECRET": "secret"}
    qstash = {"QSTASH_CURRENT_SIGNING_KEY": "sig", "PUBLIC_BASE_URL": "https://a.example"}
    return linkedin if name in linkedin else qstash if name == "QSTASH_TOKEN" else {}


def test_every_credential_is_among_the_checked_settings():
    named = {f.name.upper() for f in dataclasses.fields(Settings) if f.name.endswith(("secret", "token", "_key"))}
    assert named - set(IN_HEADERS) == {"AUTH_JWT_SECRET"}  # never sent
    assert "N8N_WEBHOOK_AUTH_HEADER" in IN_HEADERS


@pytest.mark.parametrize(
    "name", [*IN_HEADERS, "AUTH_JWT_SECRET", "AUTH_JWT_SECRET_PREVIOUS", "AUTH_ISSUER", "AUTH_AUDIENCE"]
)
@pytest.mark.parametrize("around", AROUND, ids=ascii)
def test_characters_around_a_setting_are_trimmed(name: str, around: str):
    read = read_settings(partners(name) | {name: around.format(value_for(name))})
    assert getattr(read, name.lower()) == value_for(name)


@pytest.mark.parametrize("name", IN_HEADERS)
@pytest.mark.parametrize("inside", ["\n", "\r\n", "\u200b", "é", "\u00a0", "\t", "\0"], ids=ascii)
def test_setting_that_fits_no_header_is_refused(name: str, inside: str):
    with pytest.raises(SettingsError) as caught:
        read_settings(partners(name) | {name: value_for(name) + inside + VALUE})
    [problem] = caught.value.problems
    assert problem.startswith(f"{name} must ")
    assert VALUE not in problem


def test_characters_around_the_parts_of_a_list_are_trimmed():
    read = read_settings({"CORS_ORIGINS": "https://a.example\u200b,\ufeffhttps://b.example\n, \u200b"})
    assert read.cors_origins == ("https://a.example", "https://b.example")


def test_characters_around_the_parts_of_a_header_are_trimmed():
    read = read_settings({"N8N_WEBHOOK_AUTH_HEADER": "X-Api-Key\u200b:\u00a0value\n"})
    assert read.n8n_webhook_auth_header == "X-Api-Key: value"
