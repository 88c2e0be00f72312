"""The commands: db upgrade, sweep, prune, token, doctor, rearm, after-restore, cron, keys, pause, user, company."""

from __future__ import annotations

import os
import signal
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from flask import Flask
from flask.cli import AppGroup

from app.cli_keys import keys_commands
from app.cli_pause import SWITCH
from app.cli_people import PEOPLE
from app.deps import Services
from app.domain.errors import Refusal, Unavailable
from app.domain.ports import MessageServiceError, Schedule
from app.domain.times import to_wire
from app.log import emit
from app.settings.environment import default_database_url
from app.settings.readers import LARGEST_DAYS

if TYPE_CHECKING:
    from app.domain.post import Post
    from app.restore.after_restore import Restored


def register_commands(app: Flask) -> None:
    """Register the commands on the app, for `flask --app wsgi …`."""
    services: Services = app.extensions["punctual"]
    database = AppGroup("db", help="The database's schema.")
    database.add_command(_upgrade(services))
    made = (_sweep, _prune, _token, _doctor, _rearm, _after_restore, _cron, keys_commands, *SWITCH, *PEOPLE)
    for command in (database, *(make(services) for make in made)):
        app.cli.add_command(command)


def _upgrade(services: Services) -> click.Command:
    @click.command("upgrade")
    def upgrade() -> None:
        """Bring the schema up to date. Running it again changes nothing."""
        from app.store.migrate import upgrade as migrate

        try:
            migrate(services.deps.settings.database_url)
        except Exception as error:
            raise click.ClickException(f"The database cannot be migrated: {_first_line(error)}") from None
        click.echo("The database is up to date.")
        if services.deps.settings.database_url == default_database_url() and not services.deps.settings.local:
            click.echo("It is SQLite in the folder instance/, because DATABASE_URL is unset.", err=True)

    return upgrade


def _sweep(services: Services) -> click.Command:
    @click.command("sweep")
    @click.option("--every", type=click.FloatRange(min=0.1), metavar="SECONDS", help="Stay and repeat the sweep.")
    def sweep(every: float | None) -> None:
        """Run the safety net once, or repeatedly. Without QStash it sends the posts.

        On SIGTERM or SIGINT it finishes the current sends, then ends.
        """
        from app.sweep.loop import run_every
        from app.sweep.sweep import wait_jitter

        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        if every is not None:
            run_every(services.deps, every, stop, lambda: _sweep_once(services, stop))
            return
        wait_jitter(services.deps)
        raise SystemExit(0 if _sweep_once(services, stop) else 1)

    return sweep


def _sweep_once(services: Services, stop: threading.Event) -> bool:
    from app.sweep.sweep import poll

    try:
        swept = poll(services.deps, stop.is_set)
    except Unavailable as error:
        click.echo(error.detail, err=True)
        return False
    except Exception as error:  # the next run may succeed, so the loop must go on
        emit("sweep.failed", exc_info=True)
        click.echo(f"The sweep failed: {type(error).__name__}. See the log.", err=True)
        return False
    figures: dict[str, Any] = {name: getattr(swept, name) for name in swept.__slots__}
    click.echo(" ".join(f"{name}={value}" for name, value in figures.items()))
    return True


def _prune(services: Services) -> click.Command:
    @click.command("prune")
    @click.option(
        "--older-than",
        type=click.FloatRange(min=0, max=LARGEST_DAYS),
        metavar="DAYS",
        help="Instead of RETENTION_DAYS.",
    )
    @click.option("--dry-run", is_flag=True, help="Only count the posts, delete nothing.")
    def prune(older_than: float | None, dry_run: bool) -> None:
        """Delete posts published, failed or cancelled long ago. Drafts and scheduled posts stay."""
        from app.sweep.retention import prune as run_prune

        days = services.deps.settings.retention_days if older_than is None else older_than
        if days is None:
            raise click.UsageError("RETENTION_DAYS is unset, so posts are kept forever. Set an age: --older-than DAYS")
        try:
            pruned = run_prune(services.deps, timedelta(days=days), dry_run=dry_run)
        except ValueError as error:
            raise click.ClickException(f"The age {error}.") from None
        except Unavailable as error:
            raise click.ClickException(error.detail) from None
        posts = ", ".join(f"{number} {status}" for status, number in pruned.posts.items())
        verb = "Would delete" if dry_run else "Deleted"
        click.echo(f"{verb} posts last changed more than {days:g} days ago: {posts}. Alerts: {pruned.alerts}.")
        if not pruned.complete:
            click.echo("There are more. Run the command again.")

    return prune


def _token(services: Services) -> click.Command:
    @click.command("token")
    @click.argument("user")
    @click.option("--admin", is_flag=True, help="With the admin's role.")
    def token(user: str, admin: bool) -> None:
        """Print a token for USER, for tests by hand."""
        try:
            click.echo(services.users.issue(user, admin=admin))
        except ValueError as error:
            raise click.ClickException(str(error)) from None

    return token


def _doctor(services: Services) -> click.Command:
    @click.command("doctor")
    @click.option("--strict", is_flag=True, help="Exit with 1 on a WARN too.")
    @click.option("--deep", is_flag=True, help="Also send a test message through QStash to this app.")
    def doctor(strict: bool, deep: bool) -> None:
        """Check settings, database, QStash, n8n and the public address, and print the cure of each problem.

        Exits with 1 if a line says FAIL.
        """
        from app.operations.doctor.diagnose import diagnose
        from app.operations.doctor.findings import Checkup

        findings = diagnose(Checkup(services, os.environ), deep=deep)
        for finding in findings:
            click.echo(f"{finding.mark:<4}  {finding.about:<9} {finding.text}")
        bad = ("FAIL", "WARN") if strict else ("FAIL",)
        raise SystemExit(1 if any(finding.mark in bad for finding in findings) else 0)

    return doctor


def _rearm(services: Services) -> click.Command:
    @click.command("rearm")
    @click.option("--seconds", type=click.FloatRange(min=1, max=86_400), default=300.0, show_default=True)
    def rearm(seconds: float) -> None:
        """Arm posts again after a change of PUBLIC_BASE_URL, INTERNAL_API_SECRET or the QStash account.

        It ends after SECONDS. Running it again goes on, and changes nothing once every message fits.
        """
        from app.sweep.rearm import Rearmed, notice_change
        from app.sweep.rearm import rearm as run_rearm

        deps = services.deps
        if deps.messages is None:
            click.echo("Poll mode has no messages, so there is nothing to arm.")
            return
        end = deps.clock.now() + timedelta(seconds=seconds)

        def show(done: Rearmed, due: datetime) -> None:
            click.echo(f"Armed {done.armed} posts again, those due until {due:%F %T} UTC. Refused: {done.refused}.")

        try:
            notice_change(deps)
            done = run_rearm(deps, lambda: deps.clock.now() < end, show)
        except Unavailable as error:
            raise click.ClickException(error.detail) from None
        if done.refused:
            raise click.ClickException(
                f"QStash refused {done.refused} messages. The sweep arms or sends these posts. See the log."
            )
        if not done.complete:
            raise click.ClickException("Posts with other messages are left. Run the command again.")
        click.echo(f"Every armed message fits the settings. Armed again now: {done.armed}.")

    return rearm


def _after_restore(services: Services) -> click.Command:
    @click.command("after-restore")
    @click.option(
        "--since", metavar="INSTANT", help="The backup's last instant, with offset. Default: found in the data."
    )
    @click.option("--dry-run", is_flag=True, help="Only list the posts, change nothing.")
    def after_restore(since: str | None, dry_run: bool) -> None:
        """Hold the posts that may have gone out after the backup. Run it right after a restore, before the app starts.

        Ends with 1 where some posts could not be held. Running it again goes on.
        """
        from app.restore import after_restore as restore

        deps = services.deps
        try:
            start = restore.read_since(deps, since)
            if start is None:
                click.echo("The database is empty. Nothing to do.")
                return
            click.echo(f"The database's last instant: {to_wire(start)}. Posts due since then may have gone out.")
            done = restore.after_restore(deps, start, _show_held, dry_run=dry_run)
        except Refusal as error:
            raise click.ClickException(error.detail) from None
        _show_restored(done, dry_run)
        raise SystemExit(1 if done.in_doubt else 0)

    return after_restore


def _show_held(batch: list[Post]) -> None:
    for post in batch:
        due = to_wire(post.next_attempt_at or post.scheduled_at)
        click.echo(f"{post.id}  {post.user_id}  {post.platform}  due {due}  {post.status}")


def _show_restored(done: Restored, dry_run: bool) -> None:
    if done.log_unread:
        click.echo("QStash's log could not be read. Posts called off after the backup may still go out.", err=True)
    if dry_run:
        click.echo(f"Would hold {done.held} posts. {done.later} posts due later would be armed again.")
        return
    click.echo(f"Held {done.held} posts: failed with outcome_unknown. Look at each account before a retry with force.")
    click.echo(f"Armed {done.armed} of {done.later} posts due later. The sweep arms the others.")
    if done.in_doubt:
        click.echo(f"{done.in_doubt} posts are locked and still in doubt. Run the command again.", err=True)


def _cron(services: Services) -> click.Group:
    from app.sweep.cron import SCHEDULE_ID, CronNotInstalled, configured
    from app.sweep.cron import install as run_install

    group = AppGroup("cron", help="The sweep's schedule in QStash, where the platform has no five-minute cron.")
    named = click.option("--id", "schedule_id", default=SCHEDULE_ID, show_default=True, help="The schedule's name.")

    @group.command("install")
    @named
    @click.option("--replace", is_flag=True, help="Replace a schedule that calls another address.")
    def install(schedule_id: str, replace: bool) -> None:
        """Let QStash run the sweep every five minutes. Running it again replaces the schedule."""
        try:
            before, after = run_install(services.deps.settings, services.schedules, schedule_id, replace=replace)
        except (CronNotInstalled, MessageServiceError) as error:
            raise click.ClickException(f"{_sentence(error)}.") from None
        click.echo(f"Before: {_schedule_text(schedule_id, before)}")
        click.echo(f"Now:    {_schedule_text(schedule_id, after)}")

    @group.command("show")
    @named
    def show(schedule_id: str) -> None:
        """Show the schedule."""
        try:
            found = configured(services.schedules).read(schedule_id)
        except (CronNotInstalled, MessageServiceError) as error:
            raise click.ClickException(f"{_sentence(error)}.") from None
        click.echo(_schedule_text(schedule_id, found))

    return group


def _sentence(error: Exception) -> str:
    return error.detail if isinstance(error, MessageServiceError) else str(error)


def _schedule_text(schedule_id: str, found: Schedule | None) -> str:
    if found is None:
        return f"no schedule {schedule_id}"
    return f"{schedule_id} calls POST {found.destination} at {found.cron}{', but is paused' if found.paused else ''}"


def _first_line(error: Exception) -> str:
    """Return the first line of the database's own error. It never contains the URL, which holds a password."""
    text = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()
    return text[0][:200] if text else type(error).__name__
