"""Create and schedule a post through the generated client, then schedule it wrongly: `publish_later.py URL TOKEN`.

`test_python_client.py` generates the client, checks the types of this file, and runs it.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

from punctual_client import AuthenticatedClient
from punctual_client.api.posts import create_post, schedule_post
from punctual_client.models import PostCreate, PostCreated, Problem, ScheduleAnswer, ScheduleRequest


def publish_later(client: AuthenticatedClient) -> dict[str, object]:
    created = create_post.sync(client=client, body=PostCreate(content="We ship on Tuesday."))
    if not isinstance(created, PostCreated):
        raise SystemExit(f"not created: {created}")
    at = datetime.now(UTC) + timedelta(hours=1)
    scheduled = schedule_post.sync(created.id, client=client, body=ScheduleRequest(scheduled_at=at.isoformat()))
    if not isinstance(scheduled, ScheduleAnswer):
        raise SystemExit(f"not scheduled: {scheduled}")
    without_zone = ScheduleRequest(scheduled_at="2030-01-01T09:00:00")
    refused = schedule_post.sync_detailed(created.id, client=client, body=without_zone)
    if not isinstance(refused.parsed, Problem) or not refused.parsed.errors:
        raise SystemExit(f"not refused: {refused}")
    [error] = refused.parsed.errors
    return {
        "postId": str(scheduled.post_id),
        "status": scheduled.status,
        "armed": scheduled.armed,
        "refusal": [int(refused.status_code), refused.parsed.code, error.field],
    }


if __name__ == "__main__":
    url, token = sys.argv[1:]
    with AuthenticatedClient(base_url=url, token=token, raise_on_unexpected_status=True) as opened:
        print(json.dumps(publish_later(opened)))
