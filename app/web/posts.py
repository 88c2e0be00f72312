"""Users' routes for posts: create, list, schedule, unschedule, recover."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from flask import request
from flask.views import MethodView

from app.domain.alerts import CRON_REFUSED
from app.domain.api_keys import Scope, has_scope, require_scope
from app.domain.explanations.author_texts import for_authors
from app.domain.post import Post
from app.posts import attach as attaching
from app.posts import create as creating
from app.posts import drafts
from app.posts import recover as recovering
from app.posts import schedule as scheduling
from app.store.paging import After
from app.store.posts import pages
from app.web import post_views as views
from app.web import schemas
from app.web.addresses import acts_on_get
from app.web.auth import accept_machine, check_delivery, deps, is_admin, principal, user_id, user_required
from app.web.blueprint import SECURED, UserBlueprint
from app.web.cron import recover_by_secret, sweep_answer
from app.web.idempotency import DOCUMENTED as KEYED
from app.web.idempotency import idempotent
from app.web.ids import uuid_or_404, with_text_ids
from app.web.paging import bounded_page, timeline_page
from app.web.turnstile import turnstile

blueprint = UserBlueprint("posts", __name__, url_prefix="/api/posts", description="Posts and their schedule")


@blueprint.route("")
class Posts(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @idempotent
    @blueprint.doc(**SECURED, **KEYED)
    @blueprint.arguments(schemas.PostCreateRequest)
    @blueprint.response(201, schemas.PostCreated)
    def post(self, body: dict[str, Any]) -> Any:
        """Create a draft, or with scheduledAt or slot a scheduled post.

        A post that cannot be scheduled is refused whole: no draft is left. warnings and localTime are those of the
        schedule route. A personal key needs the scope publish too, to schedule.
        """
        values = with_text_ids(body)
        at, zone, fold, slot = (values.pop(name) for name in ("scheduled_at", "time_zone", "fold", "slot"))
        if at is None and slot is None:
            return drafts.create_post(deps(), user_id(), values)
        require_scope(principal(), Scope.PUBLISH)
        if slot is not None:
            order = scheduling.slot_order(deps(), user_id())
        else:
            order = scheduling.order_for(deps(), user_id(), at, zone, fold)
        done = creating.create_scheduled(deps(), values, order)
        return views.post_view(done.post, local_time=done.chosen.local_time, warnings=views.warnings(done))

    @blueprint.doc(**SECURED)
    @blueprint.arguments(schemas.ListQuery, location="query")
    @blueprint.response(200, schemas.PostPage)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List your posts, or those of a company, client or account, newest first.

        The parameters from and to bound scheduledAt. A page of long texts ends before the limit: read on with its
        nextCursor.
        """
        found = bounded_page(query, partial(_find, query))
        turnstile().give_turn_for_answer(user_id(), sum(len(post.content) for post in found["data"]))
        return found


@blueprint.route("/<post_id>")
class OnePost(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.doc(**SECURED)
    @blueprint.response(200, schemas.PostView)
    def get(self, post_id: str) -> Post:
        """Read a post."""
        return drafts.read_post(deps(), user_id(), uuid_or_404(post_id))

    @blueprint.doc(**SECURED)
    @blueprint.arguments(schemas.PostEdit)
    @blueprint.response(200, schemas.PostView)
    def patch(self, body: dict[str, Any], post_id: str) -> Post:
        """Change content, media or the account. A scheduled post keeps its time.

        A change of a scheduled post needs the scope publish too, where the caller sends a personal key.
        """
        may_publish = has_scope(principal(), Scope.PUBLISH)
        values = with_text_ids(body)
        return drafts.edit_post(deps(), user_id(), uuid_or_404(post_id), values, may_publish=may_publish)

    @blueprint.doc(**SECURED)
    @blueprint.response(204)
    def delete(self, post_id: str) -> None:
        """Cancel a post permanently."""
        scheduling.cancel(deps(), user_id(), uuid_or_404(post_id))


@blueprint.route("/<post_id>/timeline")
@blueprint.doc(**SECURED)
@user_required
@blueprint.arguments(schemas.TimelineQuery, location="query")
@blueprint.response(200, schemas.Timeline)
def timeline(query: dict[str, Any], post_id: str) -> dict[str, Any]:
    """List a post's attempts and changes of status, oldest first.

    A page has at most `limit` of each.
    """
    post = drafts.read_post(deps(), user_id(), uuid_or_404(post_id))
    with deps().db.reading() as connection:
        page = timeline_page(
            query,
            lambda after, limit: pages.attempts_after(connection, post.id, after, limit),
            lambda after, limit: pages.transitions_after(connection, post.id, after, limit),
        )
    if not is_admin():  # the raw texts are for operators
        page["attempts"] = [replace(one, error=for_authors(one.error)) for one in page["attempts"]]
    return page


@blueprint.route("/<post_id>/schedule", methods=["POST"])
@user_required
@idempotent
@blueprint.doc(**SECURED, **KEYED)
@blueprint.arguments(schemas.ScheduleRequest)
@blueprint.response(200, schemas.ScheduleAnswer)
def schedule(body: dict[str, Any], post_id: str) -> dict[str, Any]:
    """Schedule or reschedule a post, for an instant or for the next free slot of its account.

    A post that has a slot already takes an earlier one, if one has become free, and else keeps its own.
    """
    post, force = uuid_or_404(post_id), body["force"]
    if body["slot"] is not None:
        return views.schedule_answer(scheduling.schedule_in_slot(deps(), user_id(), post, force))
    at, zone, fold = body["scheduled_at"], body["time_zone"], body["fold"]
    return views.schedule_answer(scheduling.schedule(deps(), user_id(), post, at, zone, fold, force))


@blueprint.route("/<post_id>/publish", methods=["POST"])
@user_required
@idempotent
@blueprint.doc(**SECURED, **KEYED)
@blueprint.arguments(schemas.PublishRequest)
@blueprint.response(200, schemas.ScheduleAnswer)
def publish(body: dict[str, Any], post_id: str) -> dict[str, Any]:
    """Publish a post now: schedule it for the present instant."""
    return views.schedule_answer(scheduling.publish_now(deps(), user_id(), uuid_or_404(post_id), body["force"]))


@blueprint.route("/<post_id>/duplicate", methods=["POST"])
@user_required
@idempotent
@blueprint.doc(**SECURED, **KEYED)
@blueprint.response(201, schemas.PostView)
def duplicate(post_id: str) -> Post:
    """Copy a post into a new draft without a date.

    The copy has the text, the media, the company, the client and the account, where they still exist.
    """
    return creating.duplicate_post(deps(), user_id(), uuid_or_404(post_id))


@blueprint.route("/<post_id>/unschedule", methods=["POST"])
@user_required
@idempotent
@blueprint.doc(**SECURED, **KEYED)
@blueprint.response(200, schemas.UnscheduleAnswer)
def unschedule(post_id: str) -> dict[str, Any]:
    """Unschedule a post. It becomes a draft again."""
    post = scheduling.unschedule(deps(), user_id(), uuid_or_404(post_id))
    return {"status": "unscheduled", "post_id": post.id}


@blueprint.route("/<post_id>/attach", methods=["POST"])
@user_required
@idempotent
@blueprint.doc(**SECURED, **KEYED)
@blueprint.arguments(schemas.AttachRequest)
@blueprint.response(200, schemas.PostView)
def attach(body: dict[str, Any], post_id: str) -> Post:
    """Settle an unknown outcome by hand: the post is out, at this link or with this id.

    409 where the outcome is known or still awaited.
    """
    return attaching.attach(deps(), user_id(), uuid_or_404(post_id), body["url"], body["external_post_id"])


@blueprint.route("/recover", methods=["POST"])
@blueprint.doc(**SECURED, **KEYED, requestBody={"content": {"application/json": {"schema": schemas.RecoverRequest}}})
@blueprint.response(200, schemas.PostView)
def recover() -> Any:
    """Retry or fail a post by hand, or run the sweep if signed by QStash."""
    if request.headers.get("Upstash-Signature") is not None:
        refused = check_delivery(deps().settings.recover_url, CRON_REFUSED)
        if refused is None:
            accept_machine(CRON_REFUSED)
        return refused or sweep_answer()
    return _recover()


@user_required
@idempotent
@blueprint.arguments(schemas.RecoverRequest)
@blueprint.response(200, schemas.PostView)
def _recover(body: dict[str, Any]) -> Post:
    post_id = uuid_or_404(body["post_id"])
    return recovering.recover(deps(), user_id(), post_id, body["action"], body["force"])


@blueprint.route("/recover", methods=["GET"])
@acts_on_get
def recover_by_cron() -> Any:
    """Run the safety net, every five minutes."""
    return recover_by_secret()


def _find(query: dict[str, Any], limit: int, after: After | None) -> tuple[list[Post], After | None]:
    wanted = pages.PostFilter(**with_text_ids(query))
    with deps().db.reading() as connection:
        return pages.page(connection, user_id(), wanted, limit, after)
