"""Record that the message service gave up a post's alarm."""

from __future__ import annotations

from app.deps import Deps
from app.store.posts import arming


def record_lost_alarm(deps: Deps, post_id: str, message_id: str) -> bool:
    """Forget the lost message, so the sweep finds the post unarmed and arms it.

    Returns False if the post does not wait for this message. Nothing changes then.
    """
    with deps.db.transaction() as tx:
        return arming.forget_message(tx, post_id, message_id)
