"""Simulated authors: they schedule, reschedule, cancel, edit and retry, often in the last second."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from app.accounts.accounts import connect_account
from app.deps import Deps
from app.domain.times import to_wire
from app.posts import drafts, recover, schedule
from tests.simulation import media
from tests.simulation.facts import Row, stamp

if TYPE_CHECKING:
    from tests.simulation.kernel import Actor
    from tests.simulation.world import World

Act = Callable[[Deps], object]

#: Ends of the texts. Some quote the platforms' codes and ids, and a report may quote the text.
QUOTED = (
    "",
    "",
    "",
    ": REVOKED_ACCESS_TOKEN",
    " (#190)",
    " (#506) DUPLICATE_POST",
    ' {"code": 190}',
    " status 401 429",
)
BEFORE_A_SEND = timedelta(seconds=20)

#: Likely actions of an author by the post's status. Repeated entries are more likely.
ACTIONS = {
    "draft": ("schedule", "schedule", "schedule", "publish", "edit"),
    "scheduled": ("reschedule", "reschedule", "publish", "unschedule", "unschedule", "edit", "edit", "cancel"),
    "publishing": ("retry", "force", "fail", "unschedule", "publish"),
    "failed": ("retry", "retry", "force", "fail", "schedule", "publish", "force-schedule", "edit", "cancel"),
    "published": ("unschedule", "retry"),
    "cancelled": ("schedule",),
}


class Authors:
    """All users of one seed, their accounts and their posts, by the app's ids."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.users = [f"user-{n}" for n in range(world.scenario.users)]
        self.posts: dict[str, str] = {}  # id → user
        self._connections = 0
        self._accounts: set[tuple[str, str]] = set()
        self._texts: list[tuple[str, str, str]] = []
        self._files = 0

    def prepare(self, deps: Deps) -> None:
        """Create the first drafts and their accounts, and where the world has them the webhook endpoints."""
        if self._world.endpoints is not None:
            self._world.endpoints.register(deps, self.users)
        for n in range(self._world.scenario.posts):
            user, platform = self.users[n % len(self.users)], self._world.rng.choice(self._world.scenario.platforms)
            if (user, platform) not in self._accounts:
                self.connect(deps, user, platform)
            self._create(deps, user, platform)

    def connect(self, deps: Deps, user: str, platform: str) -> None:
        self._connections += 1
        token = f"token-{user}-{platform}-{self._connections}"
        self._world.valid_tokens.add(token)
        self._accounts.add((user, platform))
        values = {
            "platform": platform,
            "external_id": _external_id(user, platform),
            "account_name": user,
            "access_token": token,
        }
        connect_account(deps, user, values)

    def reconnect_all(self) -> None:
        """Reconnect every account that Punctual or its platform refuses."""
        world = self._world
        if world.over:
            return
        accounts = {account.external_id: account for account in world.facts.accounts.values()}
        for user, platform in sorted(self._accounts):
            account = accounts[_external_id(user, platform)]
            if account.status != "active" or account.token not in world.valid_tokens:
                connect = partial(self.connect, user=user, platform=platform)
                world.actor(f"{user} reconnects {platform}", "author", connect)

    def user_of_account(self, external_id: str) -> str:
        return next(user for user, platform in self._accounts if _external_id(user, platform) == external_id)

    def revoke(self) -> None:
        """Revoke an account's access on the platform. Punctual gets no notice."""
        rng = self._world.rng
        user, platform = rng.choice(sorted(self._accounts))
        mine = f"token-{user}-{platform}-"
        self._world.valid_tokens -= {token for token in self._world.valid_tokens if token.startswith(mine)}
        self._world.record("author", f"{user} revokes {platform}")

    def _create(self, deps: Deps, user: str, platform: str) -> None:
        world = self._world
        content = f"text {len(self.posts)} of {user}{world.rng.choice(QUOTED)}"
        before = [text for owner, where, text in self._texts if (owner, where) == (user, platform)]
        if before and world.faults.chance("posted_twice"):
            content = world.rng.choice(before)
        self._texts.append((user, platform, content))
        values = {
            "platform": platform,
            "post_type": "post",
            "content": content,
            "media": self._new_media(),
            "image_url": None,
        }
        self.posts[drafts.create_post(deps, user, values).id] = user

    def _new_media(self) -> list[dict[str, str]]:
        self._files += 1
        gone = self._world.faults.chance("media_gone")
        return [{"url": media.url(self._files, gone=gone), "type": "image"}]

    def post_by_hand(self, post_id: str, row: Row) -> None:
        """Publish the text of an unsent post on the platform, long enough before any send of it."""
        world, user = self._world, self.posts[post_id]
        due = row.next_attempt_at
        if row.attempt == 0 and (due is None or due > stamp(world.kernel.instant() + BEFORE_A_SEND)):
            account = _external_id(user, row.platform)
            world.record("author", f"{user} publishes it by hand", row.id)
            world.faults.counts["posted_before"] += 1
            world.platforms.publish_by_hand(row.platform, account, row.content, world.kernel.now)

    def act_on(self, post_id: str, row: Row, action: str | None = None) -> None:
        """Start one action on this post, sometimes one that its status does not allow."""
        rng = self._world.rng
        action = action or rng.choice(ACTIONS[row.status if rng.random() < 0.9 else "scheduled"])
        user = self.posts[post_id]
        near = row.next_attempt_at if rng.random() < 0.4 else None
        act: Act = {
            "schedule": self._schedule,
            "force-schedule": lambda p, u: self._schedule(p, u, force=True),
            "reschedule": lambda p, u: self._schedule(p, u, near),
            "publish": lambda p, u: lambda deps: schedule.publish_now(deps, u, p),
            "unschedule": self._unschedule,
            "edit": self._edit,
            "cancel": self._cancel,
            "retry": lambda p, u: self._recover(p, u, "retry", False),
            "force": lambda p, u: self._recover(p, u, "retry", True),
            "fail": lambda p, u: self._recover(p, u, "fail", False),
        }[action](post_id, user)
        actor = self._world.actor(f"{user} {action}s", "author", act)
        actor.notes["force"] = action.startswith("force")
        if action in ("unschedule", "cancel"):
            actor.on_end.append(lambda: self._record_cancellation(actor))

    def _record_cancellation(self, actor: Actor) -> None:
        if actor.error is None and actor.result is not None:
            self._world.cancellation_was_answered(actor.result.id, actor.result.generation)

    def _schedule(self, post_id: str, user: str, near: str | None = None, *, force: bool = False) -> Act:
        """Schedule for a random instant, or close to `near`, where a delivery may already wait."""
        text = to_wire(self._when() if near is None else self._around(near))
        assert text is not None
        return lambda deps: schedule.schedule(deps, user, post_id, text, None, 0, force)

    def _when(self) -> datetime:
        rng, now = self._world.rng, self._world.kernel.instant()
        gate = self._world.scenario.gate
        if gate is not None and rng.random() < 0.8:
            second = int((now + timedelta(seconds=rng.uniform(1, gate.rush_seconds))).timestamp())
            return datetime.fromtimestamp(second - second % -gate.rush_seconds, UTC)
        kind = rng.random()
        if kind < 0.1:
            return now - timedelta(seconds=rng.uniform(0, 70))
        if kind < 0.5:
            return now + timedelta(seconds=rng.uniform(0, 20))
        if kind < 0.8:
            return (now + timedelta(seconds=rng.randint(20, 120))).replace(microsecond=0)
        return now + timedelta(seconds=rng.uniform(120, self._world.scenario.active_seconds))

    def _around(self, instant: str) -> datetime:
        at = datetime.fromisoformat(instant).replace(tzinfo=UTC)
        return at + timedelta(seconds=self._world.rng.choice((0.0, self._world.rng.uniform(-2, 1))))

    def _unschedule(self, post_id: str, user: str) -> Act:
        return lambda deps: schedule.unschedule(deps, user, post_id)

    def _cancel(self, post_id: str, user: str) -> Act:
        return lambda deps: schedule.cancel(deps, user, post_id)

    def _edit(self, post_id: str, user: str) -> Act:
        """Change the text, or replace the media."""
        if self._world.rng.random() < 0.5:
            files = self._new_media()
            return lambda deps: drafts.edit_post(deps, user, post_id, {"media": files})
        content = f"edited {self._world.rng.randint(0, 10**9)} by {user}{self._world.rng.choice(QUOTED)}"
        return lambda deps: drafts.edit_post(deps, user, post_id, {"content": content})

    def _recover(self, post_id: str, user: str, action: recover.Action, force: bool) -> Act:
        return lambda deps: recover.recover(deps, user, post_id, action, force)


def _external_id(user: str, platform: str) -> str:
    return f"urn:li:person:{user}-{platform}"
