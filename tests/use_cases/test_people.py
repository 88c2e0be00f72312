"""The data of people: a user's export and deletion, and the deletion of a company."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app import api_keys
from app.accounts.accounts import connect_account
from app.api_keys import create_key
from app.companies import companies
from app.domain.api_keys import Scope
from app.domain.companies import Role
from app.domain.errors import Conflict, NotFound, Unavailable
from app.domain.verifiers import BadToken
from app.events.endpoints import create_endpoint
from app.operations.status import scheduler_status
from app.people.company import count_company, delete_company
from app.people.export import PAGE, export_user
from app.people.user import DELETED_USER, count_user, delete_user
from app.posts.feeds import create_feed
from app.store.people.records import RECORDS
from app.store.schema.tables import audit_entries, metadata, posts, social_accounts, transitions
from app.sweep.retention import keep_counts_and_prune
from tests.support.companies import join
from tests.support.linkedin import failure
from tests.support.oauth_world import OAuthWorld
from tests.support.world import USER

BOSS, HOUR = "boss-1", timedelta(hours=1)


@pytest.fixture
def world(database_url: str) -> Iterator[OAuthWorld]:
    made = OAuthWorld(database_url)
    yield made
    made.close()


def exported(world: OAuthWorld, user: str = USER) -> dict[str, Any]:
    found: dict[str, Any] = json.loads("".join(export_user(world.deps, user)))
    return found


def firm(world: OAuthWorld) -> str:
    """Create a company of another owner, with the user as an editor."""
    company = companies.create_company(world.deps, BOSS, "Firm").id
    join(world.deps, BOSS, company, USER, Role.EDITOR)
    return company


def own_profile_in(world: OAuthWorld, company: str) -> str:
    values = {"platform": "linkedin", "external_id": "urn:li:person:1", "access_token": "shared-token"}
    return connect_account(world.deps, USER, values | {"company_id": company}).id


def page_of(world: OAuthWorld, company: str) -> str:
    values = {"platform": "linkedin", "external_id": "urn:li:organization:7", "access_token": "page-token"}
    return connect_account(world.deps, USER, values | {"company_id": company}).id


def every_text(world: OAuthWorld) -> str:
    """Return all rows of all tables as text."""
    with world.db.reading() as connection:
        return "\n".join(str(tuple(row)) for t in metadata.sorted_tables for row in connection.execute(sa.select(t)))


def full_user(world: OAuthWorld) -> str:
    """Give the user a row of every kind, and return the company of the user."""
    company = firm(world)
    own_profile_in(world, company)
    create_key(world.deps, USER, "laptop", [Scope.READ], None)
    create_endpoint(world.deps, USER, {"url": "https://example.com/hook", "events": ["post.published"]}, admin=False)
    create_feed(world.deps, USER, "mine", None)
    world.published(content="was published")
    world.draft(content="a draft")
    shared = world.draft(content="of the firm", company_id=company, social_account_id=page_of(world, company))
    world.schedule(shared)
    world.scheduled(content="still to come", at=world.clock.now() + HOUR)
    return company


def test_every_table_that_names_a_user_is_exported():
    naming = {"user_id", "actor", "profile_of", "invited_by", "accepted_by"}
    tables = {table.name for table in metadata.sorted_tables if naming & set(table.columns.keys())}
    assert tables <= {section.table.name for section in RECORDS}


def test_export_has_all_rows_and_no_secret(world: OAuthWorld):
    full_user(world)
    found = exported(world)
    assert {post["content"] for post in found["posts"]} == {"was published", "a draft", "of the firm", "still to come"}
    [published] = [post for post in found["posts"] if post["status"] == "published"]
    assert [line["reason"] for line in published["transitions"]] == ["created", "scheduled", "claimed", "published"]
    assert published["attempts"][0]["outcome"] == "published"
    assert published["createdAt"] == "2030-01-07T12:00:00.000Z"
    for name in ("socialAccounts", "companies", "memberships", "apiKeys", "webhookEndpoints", "feeds", "auditEntries"):
        assert found[name], name
    text = json.dumps(found)
    for secret in ("token-1", "shared-token", "tokenHash", "whsec", "accessToken", "refreshToken", '"secret"'):
        assert secret not in text


def test_export_of_an_unknown_user_is_empty_and_of_many_posts_complete(world: OAuthWorld):
    assert exported(world, "nobody")["posts"] == []
    for number in range(PAGE + 1):
        world.draft(content=f"Post {number}")
    assert len({post["content"] for post in exported(world)["posts"]}) == PAGE + 1


def test_deleted_user_leaves_no_trace_and_the_companys_rows_stay(world: OAuthWorld):
    company = full_user(world)
    done = delete_user(world.deps, USER)
    assert (done.called_off, done.posts, done.companies, done.not_revoked) == (1, 3, 1, [])
    assert not any(count_user(world.deps, USER).values())
    assert USER not in every_text(world)
    with world.db.reading() as connection:
        kept = connection.execute(sa.select(posts.c.content, posts.c.user_id, posts.c.status)).all()
        accounts = connection.execute(sa.select(social_accounts.c.external_id, social_accounts.c.company_id)).all()
        entries = connection.execute(sa.select(audit_entries.c.actor, audit_entries.c.action)).all()
    assert kept == [("of the firm", DELETED_USER, "scheduled")]
    assert accounts == [("urn:li:organization:7", company)]
    assert (DELETED_USER, "member.left") in entries
    assert sorted(world.linkedin.revoked) == ["shared-token", "token-1"]


def test_scheduled_posts_are_called_off_before_anything_else_and_their_messages_cancelled(world: OAuthWorld):
    post = world.scheduled(at=world.clock.now() + HOUR)
    message = world.read(post).message_id
    in_flight = world.due()
    world.dispatch(in_flight)
    with pytest.raises(Conflict, match="1 posts are being sent") as refused:
        delete_user(world.deps, USER)
    assert refused.value.code == "in_flight"
    now = world.read(post)
    assert (now.status, now.generation) == ("cancelled", post.generation + 1)
    assert message in world.messages.cancelled
    assert world.linkedin.revoked == []
    assert world.dispatch(post).reason == "stale"
    world.report_published(in_flight)
    assert delete_user(world.deps, USER).posts == 2


def test_last_owner_is_refused_with_what_to_do_and_nothing_is_changed(world: OAuthWorld):
    company = companies.create_company(world.deps, USER, "Mine").id
    world.scheduled()
    before = every_text(world)
    with pytest.raises(Conflict, match=f"only owner of {company} .Mine..*flask company delete"):
        delete_user(world.deps, USER)
    assert every_text(world) == before


def test_token_that_cannot_be_revoked_is_told_and_the_deletion_goes_on(world: OAuthWorld):
    world.connect("facebook", "page-1")
    world.linkedin.revoke_error = failure("unreachable")
    done = delete_user(world.deps, USER)
    assert done.accounts == 2
    assert any("unreachable" in line for line in done.not_revoked)
    assert any("facebook" in line for line in done.not_revoked)


@pytest.mark.parametrize("survived", [1, 5, 9, 13, 17])
def test_deletion_cut_short_goes_on_when_run_again(world: OAuthWorld, survived: int):
    full_user(world)
    for _ in range(survived):
        world.at_next_transaction(lambda: None)
    world.at_next_transaction(lambda: world.fail_transactions(1))
    with pytest.raises(Unavailable):
        delete_user(world.deps, USER)
    delete_user(world.deps, USER)
    assert USER not in every_text(world)


def test_second_deletion_changes_nothing(world: OAuthWorld):
    full_user(world)
    delete_user(world.deps, USER)
    before = every_text(world)
    again = delete_user(world.deps, USER)
    assert (again.posts, again.accounts, again.rows) == (0, 0, 0)
    assert every_text(world) == before


def test_other_users_keep_everything(world: OAuthWorld):
    world.connect(user="user-2", external_id="urn:li:person:2")
    other = world.scheduled(user="user-2", at=world.clock.now() + HOUR)
    create_key(world.deps, "user-2", "laptop", [Scope.READ], None)
    full_user(world)
    before = exported(world, "user-2")
    delete_user(world.deps, USER)
    assert exported(world, "user-2") | {"exportedAt": ""} == before | {"exportedAt": ""}
    assert world.read(other).status == "scheduled"


def test_totals_of_published_posts_stay(world: OAuthWorld):
    world.published()
    world.clock.set(world.clock.now() + HOUR)
    keep_counts_and_prune(world.deps, world.clock.now(), lambda: True)
    delete_user(world.deps, USER)
    assert scheduler_status(world.deps)["totalPublished"] == 1


def test_key_of_a_deleted_user_is_unknown(world: OAuthWorld):
    token = create_key(world.deps, USER, "laptop", [Scope.READ], None).secret
    delete_user(world.deps, USER)
    with pytest.raises(BadToken):
        api_keys.verify_key(world.deps, token)


def test_deleted_company_takes_its_posts_accounts_and_members_with_it(world: OAuthWorld):
    company = full_user(world)
    counts = count_company(world.deps, company)
    assert counts == {"posts": 1, "socialAccounts": 2, "members": 2}
    done = delete_company(world.deps, company)
    assert (done.called_off, done.posts, done.accounts) == (1, 1, 2)
    assert sorted(world.linkedin.revoked) == ["page-token", "shared-token"]
    with pytest.raises(NotFound):
        delete_company(world.deps, company)
    with world.db.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(posts)).scalar_one() == 3
        last = connection.execute(sa.select(audit_entries).order_by(audit_entries.c.id.desc()).limit(1)).one()
        left = connection.execute(sa.select(sa.func.count()).select_from(transitions)).scalar_one()
    assert (last.action, last.actor) == ("company.removed", "operator")
    assert left > 0


def test_company_with_a_post_in_flight_is_refused_whole(world: OAuthWorld):
    company = firm(world)
    draft = world.draft(company_id=company, social_account_id=page_of(world, company))
    post = world.schedule(draft, world.clock.now()).post
    world.dispatch(post)
    before = every_text(world)
    with pytest.raises(Conflict, match="1 posts are being sent"):
        delete_company(world.deps, company)
    assert every_text(world) == before


def test_company_deletion_cut_short_goes_on_when_run_again(world: OAuthWorld):
    company = full_user(world)
    world.at_next_transaction(lambda: None)
    world.at_next_transaction(lambda: world.fail_transactions(1))
    with pytest.raises(Unavailable):
        delete_company(world.deps, company)
    with pytest.raises(NotFound):
        companies.read_company(world.deps, BOSS, company)  # the members' access has ended
    delete_company(world.deps, company)
    assert count_user(world.deps, USER)["memberships"] == 0
