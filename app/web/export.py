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
from app.store.paging import After
from app.store.posts import pages
from app.web import schemas
from app.web.auth import deps, user_id, user_required
from app.web.blueprint import SECURED, UserBlueprint
from app.web.fields import Count
from app.web.ids import with_text_ids
from app.web.paging import bounded_page
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


class ExportQuery(schemas.ListQuery):
    limit = Count(load_default=MAX_ROWS, validate=validate.Range(1, MAX_ROWS))


@blueprint.route("/export.csv")
@blueprint.doc(**{**SECURED, "responses": {**SECURED["responses"], "200": CSV}})
@user_required
@blueprint.arguments(ExportQuery, location="query")
def export(query: dict[str, Any]) -> Response:
    """Export the list of posts as CSV, with the filters of the list. At most 1,000 rows, and about 1 MB of texts.

    Where more rows follow, X-Next-Cursor has the cursor of the next part. A cell that a spreadsheet would take for a
    formula begins with an apostrophe.
    """

    def find(limit: int, after: After | None) -> tuple[list[Post], After | None]:
        wanted = pages.PostFilter(**with_text_ids(query))
        with deps().db.reading() as connection:
            return pages.page(connection, user_id(), wanted, limit, after)

    found = bounded_page(query, find)
    turnstile().give_turn_for_answer(user_id(), sum(len(post.content) for post in found["data"]))
    response = Response(_csv(found["data"]), mimetype="text/csv")
    response.headers["Content-Disposition"] = "attachment; filename=posts.csv"
    if found["next_cursor"] is not None:
        response.headers[NEXT_CURSOR] = found["next_cursor"]
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
