"""Concurrent calls are all counted, and concurrent writes never exceed a quota together."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from app import api_keys
from app.accounts.accounts import connect_account
from app.companies import companies, invitations, members
from app.domain.api_keys import Scope
from app.domain.companies import Role
from app.domain.errors import Invalid
from app.posts.drafts import create_post, edit_post
from app.posts.schedule import unschedule
from app.store.operations import rate_limits
from tests.support.companies import join
from tests.support.fakes import START
from tests.support.threads import errors, run_together
from tests.support.world import USER, World

CALLS = 12
DRAFT: dict[str, Any] = {"content": "x" * 100, "media": [], "image_url": None}
DRAFT |= {"platform": "linkedin", "post_type": "post"}


def hit(world: World) -> int:
    with world.db.autocommit() as connection:
        return rate_limits.hit(connection, "user:ann", 1, START, timedelta(minutes=1)).hits


def together(world: World, works: list[Any]) -> list[Any]:
    """Start all works at once, each with an open connection."""
    run_together([partial(hit, world)] * len(works))
    return run_together(works)


def refusals(results: list) -> list[tuple[int | None, int | None]]:
    refused = [error for error in errors(results) if isinstance(error, Invalid)]
    assert refused == errors(results)
    return [(error.errors[0].limit, error.errors[0].actual) for error in refused]


def test_every_concurrent_call_is_counted_once(pg_world: World):
    assert sorted(run_together([partial(hit, pg_world)] * CALLS)) == list(range(1, CALLS + 1))


def test_concurrent_drafts_never_exceed_the_quota_of_posts(pg_world: World):
    pg_world.set(quota_posts=3)
    results = together(pg_world, [partial(create_post, pg_world.deps, USER, DRAFT)] * CALLS)
    assert refusals(results) == [(3, 4)] * (CALLS - 3)
    assert len([post for post in results if not isinstance(post, Exception)]) == 3


def test_concurrent_drafts_never_exceed_the_quota_of_bytes(pg_world: World):
    pg_world.set(quota_draft_bytes=500)
    results = together(pg_world, [partial(create_post, pg_world.deps, USER, DRAFT)] * CALLS)
    made = [post for post in results if not isinstance(post, Exception)]
    assert len(made) == 4  # each has its text and the two bytes of its empty media
    assert {limit for limit, _ in refusals(results)} == {500}


def test_concurrent_edits_never_exceed_the_quota_of_bytes(pg_world: World):
    posts = [create_post(pg_world.deps, USER, DRAFT) for _ in range(CALLS)]
    pg_world.set(quota_draft_bytes=CALLS * 102 + 300)
    edits = [partial(edit_post, pg_world.deps, USER, post.id, {"content": "x" * 300}) for post in posts]
    assert len(refusals(together(pg_world, edits))) == CALLS - 1


def test_concurrent_connections_never_exceed_the_quota_of_accounts(pg_world: World):
    pg_world.set(quota_accounts=3)  # the world's user has one
    bodies = [{"platform": "facebook", "external_id": f"1{n}", "access_token": "t"} for n in range(CALLS)]
    results = together(pg_world, [partial(connect_account, pg_world.deps, USER, body) for body in bodies])
    assert refusals(results) == [(3, 4)] * (CALLS - 2)


def test_concurrent_companies_members_and_clients_never_exceed_their_quotas(pg_world: World):
    pg_world.set(quota_companies=2, quota_members=3, quota_clients=2)
    deps = pg_world.deps
    results = together(pg_world, [partial(companies.create_company, deps, USER, f"Company {n}") for n in range(CALLS)])
    assert refusals(results) == [(2, 3)] * (CALLS - 2)
    company = next(result for result in results if not isinstance(result, Exception))
    invited = [members.put_member(deps, USER, company.id, f"member-{n}", Role.EDITOR) for n in range(CALLS)]
    tokens = [one.token for one in invited if isinstance(one, invitations.NewInvitation)]
    add = [partial(invitations.accept, deps, f"member-{n}", token) for n, token in enumerate(tokens)]
    assert refusals(together(pg_world, add)) == [(3, 4)] * (CALLS - 2)
    found = [partial(companies.create_client, deps, USER, company.id, f"Client {n}") for n in range(CALLS)]
    assert refusals(together(pg_world, found)) == [(2, 3)] * (CALLS - 2)


def test_concurrent_creations_never_exceed_the_quota_of_personal_keys(pg_world: World):
    pg_world.set(quota_api_keys=3)
    create = partial(api_keys.create_key, pg_world.deps, USER, "Script", [Scope.READ], None)
    assert refusals(together(pg_world, [create] * CALLS)) == [(3, 4)] * (CALLS - 3)


def test_drafts_and_changes_of_a_company_do_not_deadlock(pg_world: World):
    company = companies.create_company(pg_world.deps, USER, "Agency").id
    draft = DRAFT | {"company_id": company}
    posts = [create_post(pg_world.deps, USER, draft) for _ in range(4)]
    works: list[Any] = [partial(create_post, pg_world.deps, USER, draft)] * 4
    works += [partial(edit_post, pg_world.deps, USER, post.id, {"content": "y" * 200}) for post in posts]
    works += [partial(join, pg_world.deps, USER, company, f"u{n}", Role.EDITOR) for n in range(4)]
    assert errors(together(pg_world, works)) == []


@pytest.mark.parametrize("setting", ["quota_posts", "quota_draft_bytes"])
def test_unschedule_is_never_refused_by_a_quota(pg_world: World, setting: str):
    post = pg_world.scheduled()
    pg_world.set(**{setting: 1})
    assert unschedule(pg_world.deps, USER, post.id).status == "draft"
