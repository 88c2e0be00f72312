"""The export of posts as CSV.

Invariant: no cell is taken for a formula by a spreadsheet.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from flask import Response
from marshmallow import validate

from app.domain.audit import harmless_cell
from app.domain.post import Post
from app.domain.times import to_wire
from app.posts import listing
from app.web import post_lists as lists
from app.web import post_schemas
from app.web.auth import deps, user_id, user_required
from app.web.blueprint import UserBlueprint
from app.web.fields import Count
from app.web.turnstile import turnstile

MAX_ROWS = 1_000
NEXT_CURSOR = "X-Next-Cursor"
COLUMNS = (
    *("id", "status", "platform", "postType", "content", "scheduledAt", "timeZone", "publishedAt", "latenessMs"),
    *("externalUrl", "errorCode", "errorMessage", "companyId", "clientId", "socialAccountId", "imageUrl", "media"),
    *("createdAt", "updatedAt"),
)
CSV: dict[str, Any] = {"description": "CSV", "content": {"text/csv": {"schema": {"type": "string"}}}}

blueprint = UserBlueprint("export", __name__, url_prefix="/api/posts", description="Posts as CSV")


class ExportQuery(post_schemas.ListQuery):
    limit = Count(load_default=MAX_ROWS, validate=validate.Range(1, MAX_ROWS))


@blueprint.route("/export.csv")
@user_required
@blueprint.operation("exportPosts", "422 invalid_cursor", responses={"200": CSV})
@blueprint.arguments(ExportQuery, location="query")
def export(query: dict[str, Any]) -> Response:
    """Export the list of posts as CSV, with the filters of the list. At most 1,000 rows, and about 1 MB of texts.

    Where more rows follow, X-Next-Cursor has the cursor of the next part. A cell that a spreadsheet would take for a
    formula begins with an apostrophe.
    """
    wanted, order, cursor = lists.read_filter(query), lists.read_order(query), query.get("cursor")
    place = lists.read_place(cursor, wanted, order) if cursor else None
    posts, _, more = listing.list_posts(deps(), user_id(), wanted, order, place, query["limit"])
    turnstile().give_turn_for_answer(user_id(), sum(len(post.content) for post in posts))
    response = Response(_csv(posts), mimetype="text/csv")
    response.headers["Content-Disposition"] = "attachment; filename=posts.csv"
    if more is not None:
        response.headers[NEXT_CURSOR] = lists.write_place(more, wanted, order)
    return response


def _csv(posts: list[Post]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for post in posts:
        writer.writerow([harmless_cell("" if value is None else str(value)) for value in _values(post)])
    return text.getvalue()


def _values(p: Post) -> tuple[object, ...]:
    media = json.dumps(p.media, ensure_ascii=False) if p.media else None
    return (
        *(p.id, p.status, p.platform, p.post_type, p.content, to_wire(p.scheduled_at), p.time_zone),
        *(to_wire(p.published_at), p.lateness_ms, p.external_url, p.error_code, p.error_message, p.company_id),
        *(p.client_id, p.social_account_id, p.image_url, media, to_wire(p.created_at), to_wire(p.updated_at)),
    )
