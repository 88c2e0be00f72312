"""Users' routes for posts: create, list, schedule, unschedule, recover."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import request
from flask.views import MethodView

from app.domain.alerts import CRON_REFUSED
from app.domain.api_keys import Scope, has_scope, require_scope
from app.domain.explanations.author_texts import for_authors
from app.posts import attach as attaching
from app.posts import create as creating
from app.posts import drafts, listing, repeats
from app.posts import recover as recovering
from app.posts import schedule as scheduling
from app.store.posts import pages
from app.web import post_lists as lists
from app.web import post_schemas, schemas
from app.web import post_views as views
from app.web.addresses import acts_on_get
from app.web.auth import accept_machine, check_delivery, deps, is_admin, principal, user_id, user_required
from app.web.blueprint import UserBlueprint
from app.web.cron import recover_by_secret, sweep_answer
from app.web.etags import NOT_MODIFIED, with_etag
from app.web.idempotency import id_by_key, idempotent
from app.web.ids import uuid_or_404, with_text_ids
from app.web.paging import timeline_page
from app.web.turnstile import turnstile

blueprint = UserBlueprint("posts", __name__, url_prefix="/api/posts", description="Posts and their schedule")


@blueprint.route("")
class Posts(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @idempotent
    @blueprint.operation(
        "createPost",
        "403 role_insufficient",
        "422 company_not_found client_not_found account_missing quota_exceeded too_many_values",
        "422 account_ambiguous platform_limits",
        *post_schemas.TIME_ERRORS,
        keyed=True,
    )
    @blueprint.arguments(schemas.PostCreate)
    @blueprint.response(201, schemas.PostCreated)
    def post(self, body: dict[str, Any]) -> Any:
        """Create a draft, or with scheduledAt or slot a scheduled post.

        A post that cannot be scheduled is refused whole: no draft is left. warnings and localTime are those of the
        schedule route. A personal key needs the scope publish too, to schedule.
        """
        values = with_text_ids(body)
        at, zone, fold, slot = (values.pop(name) for name in ("scheduled_at", "time_zone", "fold", "slot"))
        values["id"] = id_by_key()
        if at is None and slot is None:
            made = repeats.earlier_post(deps(), user_id(), values)
            return views.view(made or drafts.create_post(deps(), user_id(), values))
        require_scope(principal(), Scope.PUBLISH)
        if (made := repeats.earlier_post(deps(), user_id(), values)) is not None:
            return views.created(repeats.scheduled_earlier(deps(), made))
        order = scheduling.order_for(deps(), user_id(), at, zone, fold)  # without a time: the slot
        return views.created(creating.create_scheduled(deps(), values, order))

    @with_etag
    @blueprint.operation("listPosts", "422 invalid_cursor", responses=NOT_MODIFIED)
    @blueprint.arguments(post_schemas.ListQuery, location="query")
    @blueprint.response(200, schemas.PostPage)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List your posts, or those of a company, client or account, newest first.

        A page of long texts ends before the limit, and so does a search of many posts: read on with its nextCursor,
        unchanged, with the same filters. By scheduledAt, posts without a time come after the others. By scheduledAt or
        updatedAt, posts that changed since the first page come last, once more if an earlier page had them.
        """
        wanted, order, cursor = lists.read_filter(query), lists.read_order(query), query.get("cursor")
        place = lists.read_place(cursor, wanted, order) if cursor else None
        posts, risks, more = listing.list_posts(deps(), user_id(), wanted, order, place, query["limit"])
        turnstile().give_turn_for_answer(user_id(), sum(len(post.content) for post in posts))
        after = lists.write_place(more, wanted, order) if more else None
        return {"data": views.views(posts, risks), "next_cursor": after}


@blueprint.route("/counts")
@user_required
@with_etag
@blueprint.operation("countPosts", responses=NOT_MODIFIED)
@blueprint.arguments(post_schemas.PostQuery, location="query")
@blueprint.response(200, post_schemas.PostCounts)
def counts(query: dict[str, Any]) -> dict[str, Any]:
    """Count posts by status, and those that need a person by cause.

    The filters are those of the list. Failed posts need a person, and scheduled ones that cannot go out on time.
    """
    return views.counts(*listing.count_posts(deps(), user_id(), lists.read_filter(query)))


@blueprint.route("/<post_id>")
class OnePost(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("getPost", "404 not_found post_not_found")
    @blueprint.response(200, schemas.PostView)
    def get(self, post_id: str) -> dict[str, Any]:
        """Read a post."""
        return views.view(drafts.read_post(deps(), user_id(), uuid_or_404(post_id)))

    @blueprint.operation(
        "editPost",
        "403 role_insufficient",
        "404 not_found post_not_found",
        "409 in_flight already_published already_cancelled outcome_unknown changed_meanwhile",
        "422 account_missing platform_limits quota_exceeded too_many_values",
    )
    @blueprint.arguments(schemas.PostEdit)
    @blueprint.response(200, schemas.PostView)
    def patch(self, body: dict[str, Any], post_id: str) -> dict[str, Any]:
        """Change content, media or the account. A scheduled post keeps its time.

        With ifUpdatedAt, the updatedAt that you read, a post that changed since is left alone: 409 changed_meanwhile.
        A change of a scheduled post needs the scope publish too, where the caller sends a personal key.
        """
        values = with_text_ids(body)
        terms = drafts.EditTerms(has_scope(principal(), Scope.PUBLISH), values.pop("if_updated_at", None))
        return views.view(drafts.edit_post(deps(), user_id(), uuid_or_404(post_id), values, terms))

    @blueprint.operation(
        "cancelPost",
        "403 role_insufficient",
        "404 not_found post_not_found",
        "409 in_flight already_published changed_meanwhile",
    )
    @blueprint.response(204)
    def delete(self, post_id: str) -> None:
        """Cancel a post permanently."""
        scheduling.cancel(deps(), user_id(), uuid_or_404(post_id))


@blueprint.route("/<post_id>/timeline")
@blueprint.operation("getPostTimeline", "404 not_found post_not_found")
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
@blueprint.operation(
    "schedulePost",
    "403 role_insufficient",
    "404 not_found post_not_found",
    *post_schemas.ORDER_ERRORS,
    *post_schemas.TIME_ERRORS,
    keyed=True,
)
@blueprint.arguments(schemas.ScheduleRequest)
@blueprint.response(200, schemas.ScheduleAnswer)
def schedule(body: dict[str, Any], post_id: str) -> dict[str, Any]:
    """Schedule or reschedule a post, for an instant or for the next free slot of its account.

    A post that has a slot already takes an earlier one, if one has become free, and else keeps its own.
    """
    post, force = uuid_or_404(post_id), body["force"]
    at, zone, fold = body["scheduled_at"], body["time_zone"], body["fold"]  # without a time: the slot
    return views.schedule_answer(scheduling.schedule(deps(), user_id(), post, at, zone, fold, force))


@blueprint.route("/<post_id>/publish", methods=["POST"])
@user_required
@idempotent
@blueprint.operation(
    "publishPost",
    "403 role_insufficient",
    "404 not_found post_not_found",
    *post_schemas.ORDER_ERRORS,
    keyed=True,
)
@blueprint.arguments(post_schemas.PublishRequest)
@blueprint.response(200, schemas.ScheduleAnswer)
def publish(body: dict[str, Any], post_id: str) -> dict[str, Any]:
    """Publish a post now: schedule it for the present instant."""
    return views.schedule_answer(scheduling.publish_now(deps(), user_id(), uuid_or_404(post_id), body["force"]))


@blueprint.route("/<post_id>/duplicate", methods=["POST"])
@user_required
@idempotent
@blueprint.operation(
    "duplicatePost",
    "403 role_insufficient",
    "404 not_found post_not_found",
    "422 quota_exceeded",
    keyed=True,
)
@blueprint.response(201, schemas.PostView)
def duplicate(post_id: str) -> dict[str, Any]:
    """Copy a post into a new draft without a date.

    The copy has the text, the media, the company, the client and the account, where they still exist.
    """
    made = repeats.earlier_post(deps(), user_id(), copy := {"id": id_by_key()})
    return views.view(made or creating.duplicate_post(deps(), user_id(), uuid_or_404(post_id), copy.get("id")))


@blueprint.route("/<post_id>/unschedule", methods=["POST"])
@user_required
@idempotent
@blueprint.operation(
    "unschedulePost",
    "403 role_insufficient",
    "404 not_found post_not_found",
    "409 in_flight already_published already_cancelled not_scheduled changed_meanwhile",
    keyed=True,
)
@blueprint.response(200, schemas.UnscheduleAnswer)
def unschedule(post_id: str) -> dict[str, Any]:
    """Unschedule a post. It becomes a draft again."""
    post = scheduling.unschedule(deps(), user_id(), uuid_or_404(post_id))
    return {"status": "unscheduled", "post_id": post.id}


@blueprint.route("/<post_id>/attach", methods=["POST"])
@user_required
@idempotent
@blueprint.operation(
    "attachPost",
    "403 role_insufficient",
    "404 not_found post_not_found",
    "409 in_flight already_published already_cancelled outcome_known changed_meanwhile",
    "422 other_platform link_of_no_post invalid_post_id copy_of_another_post",
    keyed=True,
)
@blueprint.arguments(post_schemas.AttachRequest)
@blueprint.response(200, schemas.PostView)
def attach(body: dict[str, Any], post_id: str) -> dict[str, Any]:
    """Settle an unknown outcome by hand: the post is out, at this link or with this id.

    409 where the outcome is known or still awaited.
    """
    return views.view(attaching.attach(deps(), user_id(), uuid_or_404(post_id), body["url"], body["external_post_id"]))


@blueprint.route("/recover", methods=["POST"])
@blueprint.operation(
    "recoverPost",
    "403 role_insufficient",
    "404 not_found post_not_found",
    "409 in_flight not_recoverable force_required changed_meanwhile",
    "422 platform_limits",
    keyed=True,
    requestBody={"content": {"application/json": {"schema": schemas.RecoverRequest}}},
)
@blueprint.response(200, schemas.PostView)
def recover() -> Any:
    """Retry or fail a post by hand.

    With QStash's signature in Upstash-Signature, this is the sweep of GET, so that a QStash schedule can be the cron.
    """
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
def _recover(body: dict[str, Any]) -> dict[str, Any]:
    post_id = uuid_or_404(body["post_id"])
    return views.view(recovering.recover(deps(), user_id(), post_id, body["action"], body["force"]))


@blueprint.route("/recover", methods=["GET"])
@acts_on_get
def recover_by_cron() -> Any:
    """Run the safety net, every five minutes."""
    return recover_by_secret()
