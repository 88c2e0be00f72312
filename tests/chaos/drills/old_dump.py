"""Drill: an old dump is restored by the steps of docs/operating.md, after posts went out that it does not know.

Each group of posts has its promise there: what the database says afterwards, and how many copies exist.
"""

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.local.errors import StackError
from tests.chaos.authored_post import Action, AuthoredPost
from tests.chaos.drills.scene import Scene
from tests.chaos.evidence import Case, select
from tests.chaos.judge import Findings, judge
from tests.chaos.plan import Draft
from tests.support.backups import postgres_tool

HEAD_START = 8.0
SOON, MOVED_UP, LATER = 16.0, 14.0, 95.0  # seconds after the first posts are due
STOP_AT = 20.0  # all that is due before the restore is out
MARGIN_SECONDS = 6.0
OF_EACH = 5
HELD = "failed outcome_unknown"
GONE = "None"


@dataclass(frozen=True)
class Group:
    """Posts with one fate. `due` None: a draft at the dump. `change` is made after the dump, with its due instant.

    `state` is the promised status with its error code, after the restore and the due instants of all posts.
    `is_noticed` False: without `after-restore` the page promises one copy at most, and no state.
    """

    name: str
    state: str
    copies: int
    due: float | None = None
    change: Action | None = None
    change_due: float | None = None
    directive: str = ""
    is_written_after: bool = False
    is_noticed: bool = True


GROUPS = (
    Group("sent before the dump", "published", 1, 0.0),
    Group("in flight at the dump", HELD, 1, 0.5, directive=" [n8n:late=9]", is_noticed=False),
    Group("sent after the dump", HELD, 1, 12.0),
    Group("cancelled after the dump, due before the restore", HELD, 0, SOON, Action.CANCEL),
    Group("unscheduled after the dump, due before the restore", HELD, 0, SOON, Action.UNSCHEDULE),
    Group("moved on after the dump, due before the restore", HELD, 0, SOON, Action.SCHEDULE, LATER + 4),
    Group("moved up after the dump, and sent", HELD, 1, LATER, Action.SCHEDULE, MOVED_UP, is_noticed=False),
    Group("due after the restore", "published", 1, LATER),
    Group("cancelled after the dump, due after the restore", HELD, 0, LATER, Action.CANCEL, is_noticed=False),
    Group("unscheduled after the dump, due after the restore", HELD, 0, LATER, Action.UNSCHEDULE, is_noticed=False),
    Group(
        "moved on after the dump, due after the restore", HELD, 0, LATER, Action.SCHEDULE, LATER + 4, is_noticed=False
    ),
    Group("scheduled after the dump, and sent", "draft", 1, None, Action.SCHEDULE, SOON),
    Group("scheduled after the dump, due after the restore", "draft", 0, None, Action.SCHEDULE, LATER),
    Group("written after the dump, and sent", GONE, 1, None, Action.SCHEDULE, SOON, is_written_after=True),
    Group("written after the dump, due later", GONE, 0, None, Action.SCHEDULE, LATER, is_written_after=True),
)


def restore_old_dump(scene: Scene) -> None:
    """Play the whole day: dump, go on, restore, and go on again."""
    _play(scene, is_forgotten=False)


def restore_and_forget(scene: Scene) -> None:
    """Play the same day without `after-restore`: the app has to notice by itself."""
    _play(scene, is_forgotten=True)
    unnoticed = {group.name for group in GROUPS if not group.is_noticed}
    for post_id, (name, _, _) in scene.promises.items():
        if name in unnoticed:
            scene.promises[post_id] = (name, None, 1)


def _play(scene: Scene, *, is_forgotten: bool) -> None:
    folder = scene.stack.state
    at_dump = [group for group in GROUPS if not group.is_written_after]
    posts = _write(scene, at_dump)
    scene.origin = time.time() + HEAD_START
    _schedule(scene, posts)
    scene.wait_for("the first posts", lambda: _count(scene, "published") == OF_EACH)
    scene.wait_for("the posts in flight", lambda: _count(scene, "publishing") == OF_EACH)
    _tool("pg_dump", "--format=custom", f"--file={folder / 'punctual.dump'}", scene.stack.database.url)
    posts |= _write(scene, [group for group in GROUPS if group.is_written_after])
    _change(scene, posts)
    _require(scene, time.time() < scene.origin + 12.0, "the changes after the dump")
    scene.pause_until(scene.origin + STOP_AT)
    with scene.fault():
        _restore(scene, folder, is_forgotten=is_forgotten)
    _require(scene, time.time() < scene.origin + LATER - MARGIN_SECONDS, "the restore")
    scene.callers.write()
    scene.pause_until(scene.origin + LATER + 5)


def judge_restored(scene: Scene, cases: Mapping[str, Case]) -> Findings:
    """Judge the groups by their promises, and all other posts by their authors' calls."""
    posts, kept = scene.authors.authored_posts, scene.promises
    found = judge(
        {post_id: post for post_id, post in posts.items() if post_id not in kept},
        {post_id: case for post_id, case in cases.items() if post_id not in kept},
        scene.stack.lease_seconds,
    )
    known = judge({i: posts[i] for i in kept}, {i: cases[i] for i in kept}, scene.stack.lease_seconds)
    found.early |= {i: why for i, why in known.early.items() if kept[i][1] is not None}
    found.after_cancel |= {i: why for i, why in known.after_cancel.items() if kept[i][1] is not None}
    for post_id, (name, state, copies) in kept.items():
        judge_promise(found, post_id, cases[post_id], (name, state, copies))
    return found


def judge_promise(found: Findings, post_id: str, case: Case, promise: tuple[str, str | None, int]) -> None:
    name, state, copies = promise
    if state is None:
        if len(case.copies) > copies:
            found.twice[post_id] = f"{name}: {len(case.copies)} copies"
        return
    actual = f"{case.status} {case.error_code or ''}".strip()
    if len(case.copies) > copies or len(case.arrivals) > copies:
        found.twice[post_id] = f"{name}: {len(case.copies)} copies, {len(case.arrivals)} arrivals"
    elif len(case.copies) < copies:
        found.lost[post_id] = f"{name}: no copy, {actual}"
    if actual != state:
        found.untold[post_id] = f"{name}: {actual} instead of {state}"


def _write(scene: Scene, groups: list[Group]) -> dict[Group, list[AuthoredPost]]:
    drafts = [Draft("", f"Drill, {g.name}, {n}{g.directive}", g.due or 0.0) for g in groups for n in range(OF_EACH)]
    written = iter(scene.authors.write(drafts))
    posts = {group: [next(written) for _ in range(OF_EACH)] for group in groups}
    for group, made in posts.items():
        scene.promises |= {post.post_id: (group.name, group.state, group.copies) for post in made}
    return posts


def _schedule(scene: Scene, posts: Mapping[Group, list[AuthoredPost]]) -> None:
    for group, made in posts.items():
        for post in made if group.due is not None else ():
            scene.authors.schedule(post, Draft("", post.text, group.due or 0.0), scene.origin)
    scene.wait_for("all schedules", scene.authors.idle)


def _change(scene: Scene, posts: Mapping[Group, list[AuthoredPost]]) -> None:
    for group, made in posts.items():
        due = None if group.change_due is None else scene.origin + group.change_due
        for post in made if group.change else ():
            assert group.change
            scene.frontend.perform(post, group.change, due)


def _restore(scene: Scene, folder: Path, *, is_forgotten: bool) -> None:
    """Follow "Restore" of docs/operating.md."""
    stack, url = scene.stack, scene.stack.database.url
    stack.terminate("cron")
    stack.terminate("app")
    _tool("pg_dump", "--format=custom", f"--file={folder / 'before-restore.dump'}", url)
    emptied = ("--command=DROP SCHEMA public CASCADE", "--command=CREATE SCHEMA public")
    _tool("psql", url, "--quiet", "--no-psqlrc", *emptied)
    _tool("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={url}", str(folder / "punctual.dump"))
    stack.flask("db", "upgrade")
    if not is_forgotten:
        stack.flask("after-restore", "--dry-run")
        scene.notes += [line for line in stack.flask("after-restore").splitlines() if line.startswith("Held")]
    for name in ("app", "cron"):
        stack.start(name)


def _tool(name: str, *arguments: str) -> None:
    done = subprocess.run([postgres_tool(name), *arguments], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise StackError(f"{name} failed:\n{done.stderr}")


def _count(scene: Scene, status: str) -> int:
    return int(select(scene.stack.database.url, f"SELECT count(*) FROM posts WHERE status = '{status}'")[0][0])


def _require(scene: Scene, in_time: bool, what: str) -> None:
    if not in_time:
        raise StackError(f"{what} took until {time.time() - scene.origin:.0f} s after the first posts: too slow here.")
