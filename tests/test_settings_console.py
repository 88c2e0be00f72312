"""The settings of the console's identity provider."""

from tests.test_settings import KEY, SIGNING, problem, problems, read

OIDC = {"CONSOLE_OIDC_ISSUER": "https://id.example", "CONSOLE_OIDC_CLIENT_ID": "punctual"}
OTHERS = {"PUBLIC_BASE_URL": "https://punctual.example", "AUTH_JWT_SECRET": SIGNING}


def test_provider_without_its_partners_is_refused():
    assert problem(OTHERS, CONSOLE_OIDC_ISSUER="https://id.example").startswith("CONSOLE_OIDC_CLIENT_ID is missing")
    assert problem(OTHERS, CONSOLE_OIDC_CLIENT_ID="punctual").startswith("CONSOLE_OIDC_ISSUER is missing")
    names = {found.split()[0] for found in problems(CONSOLE_OIDC_CLIENT_ID="punctual")}
    assert names == {"CONSOLE_OIDC_ISSUER", "PUBLIC_BASE_URL", "TOKEN_ENCRYPTION_KEYS"}


def test_provider_may_be_a_public_client_and_may_sign_with_the_encryption_key():
    assert read(OTHERS | OIDC).console_oidc_client_secret is None
    jwks = {
        "AUTH_JWKS_URL": "https://id.example/keys",
        "AUTH_ISSUER": "https://id.example",
        "AUTH_AUDIENCE": "punctual",
    }
    given = OIDC | jwks | {"PUBLIC_BASE_URL": "https://punctual.example", "TOKEN_ENCRYPTION_KEYS": KEY}
    assert read(given).console_oidc_issuer == "https://id.example"


def test_provider_of_another_issuer_than_the_tokens_is_refused():
    assert problem(OTHERS | OIDC, AUTH_ISSUER="https://other.example").startswith("CONSOLE_OIDC_ISSUER must be AUTH_I")
    assert read(OTHERS | OIDC, AUTH_ISSUER="https://id.example").auth_issuer == "https://id.example"


def test_provider_by_plain_http_is_refused():
    found = problem(OTHERS | OIDC, CONSOLE_OIDC_ISSUER="http://id.example")
    assert found.startswith("CONSOLE_OIDC_ISSUER must be https, because anyone who can change its answer")
