"""`flask keys rotate-encryption` and `flask keys revoke`: output and exit status."""

from click.testing import Result
from cryptography.fernet import Fernet

from tests.test_cli import run
from tests.web.answers import ACCESS_TOKEN, SECRETS
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, NOW, Site, json_of

OLD, NEW = SECRETS["token_encryption_keys"], Fernet.generate_key().decode()


def rotate(site: Site, *options: str) -> Result:
    result = run(site.app, "keys", "rotate-encryption", *options)
    assert not [secret for secret in (OLD, NEW, ACCESS_TOKEN, "gAAAA") if secret in result.output]
    return result


def test_rotation_counts_secrets_and_ends_with_0(database_url: str, make_site: MakeSite):
    before = make_site(database_url)
    post = before.user("alice").scheduled()
    site = make_site(database_url, token_encryption_keys=(NEW, OLD))
    dry, done, again = rotate(site, "--dry-run"), rotate(site), rotate(site)
    assert dry.stdout == "Would encrypt 2 secrets with the first key. Already so: 0.\n"
    assert done.stdout.splitlines()[-1] == "Encrypted 2 secrets with the first key. Already so: 0."
    assert again.stdout.splitlines()[-1] == "Encrypted 0 secrets with the first key. Already so: 2."
    assert [result.exit_code for result in (dry, done, again)] == [0, 0, 0]
    after = make_site(database_url, token_encryption_keys=(NEW,))
    after.clock.at = NOW + HOUR
    assert json_of(after.deliver(post)) == {"status": "dispatched"}


def test_secret_that_no_key_opens_is_named_by_its_id_and_ends_with_1(database_url: str, make_site: MakeSite):
    account = make_site(database_url).user("alice").account()
    site = make_site(database_url, token_encryption_keys=(NEW,))
    for options in ((), ("--dry-run",)):
        result = rotate(site, *options)
        assert result.exit_code == 1
        for column in ("access_token", "refresh_token"):
            assert f"social_accounts.{column} {account['id']}: no key of TOKEN_ENCRYPTION_KEYS opens" in result.stderr


def test_rotation_without_keys_names_the_setting(sqlite_url: str, make_site: MakeSite):
    result = rotate(make_site(sqlite_url, token_encryption_keys=()))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "TOKEN_ENCRYPTION_KEYS is missing" in result.stderr


def test_rotation_without_a_database_says_to_run_it_again(make_site: MakeSite):
    result = rotate(make_site("postgresql://nobody@127.0.0.1:1/none"))
    assert result.exit_code == 1
    assert "Run the command again" in result.stderr


def test_revoke_ends_all_personal_keys_of_the_user_and_says_their_number(site: Site):
    for user in ("alice", "bob"):
        body = {"name": "Script", "scopes": ["read"]}
        json_of(site.user(user).post("/api/keys", json=body), 201)
    for count in (1, 0):
        result = run(site.app, "keys", "revoke", "alice")
        said = result.stdout.splitlines()[-1]  # the log is before it
        assert (result.exit_code, said) == (0, f"Revoked {count} personal keys of alice.")
    assert len(json_of(site.user("bob").get("/api/keys"))["data"]) == 1
    assert json_of(site.user("alice").get("/api/keys"))["data"] == []
