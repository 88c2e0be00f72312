"""A repeated request whose first try is still committing: it waits, and finds the post."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.posts import drafts, repeats
from app.store.schema.tables import new_id
from tests.support.fakes import START
from tests.support.world import USER, World

BLOCKED_SECONDS, MAX_SECONDS = 0.3, 30.0


def test_repeat_waits_for_the_commit_of_the_first_try(world: World):
    fields: dict[str, Any] = {
        "content": "Hello",
        "platform": "linkedin",
        "post_type": "post",
        "media": [],
        "image_url": None,
    }
    values = {**fields, "id": new_id()}
    with ThreadPoolExecutor(1) as pool:
        with world.db.transaction() as tx:
            first = drafts.insert_draft(world.deps, tx, USER, values, START)
            found = pool.submit(repeats.earlier_post, world.deps, USER, dict(values))
            with pytest.raises(TimeoutError):
                found.result(BLOCKED_SECONDS)
        assert found.result(MAX_SECONDS) == first
