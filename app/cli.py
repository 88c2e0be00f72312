"""The commands: migrate, sweep, make a token, and the doctor who says what works, what does not, and what to do."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup

from app.deps import Services
from app.domain.errors import Unavailable
from app.log import emit
from app.settings.readers import LARGEST_DAYS

AGE = click.FloatRange(min=0, max=LARGEST_DAYS)


def register_commands(app: Flask) -> None:
    """Hang the commands on the app, so that `flask --app wsgi …` finds them."""
    services: Services = app.extensions["punctual"]
    database = AppGroup("db", help="The database's schema.")
    database.add_command(_upgrade(services))
    for command in (database, _sweep(services), _prune(services), _token(services), _doctor(services)):
        app.cli.add_command(command)


def _upgrade(services: Services) -> click.Command:
    @click.command("upgrade")
    def upgrade() -> None:
        """Bring the schema up to date; doing it again changes nothing."""
        from app.store.migrate import upgrade as migrate

        try:
            migrate(services.deps.settings.database_url)
        except Exception as error:
            raise click.ClickException(f"The database cannot be migrated: {_first_line(error)}") from None
        click.echo("The database is up to date.")

    return upgrade


def _sweep(services: Services) -> click.Command:
    @click.command("sweep")
    @click.option("--every", type=click.FloatRange(min=0.1), metavar="SECONDS", help="Stay, and sweep again and again.")
    def sweep(every: float | None) -> None:
        """Run the safety net once, or for as long as nobody stops it; without QStash it is what sends the posts.
        SIGTERM and SIGINT let it finish what it is sending."""
        from app.sweep.loop import keep_beat
        from app.sweep.sweep import stand_off

        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        if every is not None:
            keep_beat(services.deps, every, stop, lambda: _sweep_once(services, stop))
            return
        stand_off(services.deps)
        raise SystemExit(0 if _sweep_once(services, stop) else 1)

    return sweep


def _sweep_once(services: Services, stop: threading.Event) -> bool:
    from app.sweep.sweep import poll

    try:
        swept = poll(services.deps, stop.is_set)
    except Unavailable as error:
        click.echo(error.detail, err=True)
        return False
    except Exception as error:  # the next run may fare better; a loop that dies helps nobody
        emit("sweep.failed", exc_info=True)
        click.echo(f"The sweep failed: {type(error).__name__}; see the log.", err=True)
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
    @click.option("--dry-run", is_flag=True, help="Only say what would go.")
    def prune(older_than: float | None, dry_run: bool) -> None:
        """Delete posts that were published, failed or cancelled long ago, never what is still to go out."""
        from app.sweep.retention import prune as run_prune

        days = services.deps.settings.retention_days if older_than is None else older_than
        if days is None:
            raise click.UsageError(
                "RETENTION_DAYS is unset, so posts are kept for ever. Say how old: --older-than DAYS"
            )
        try:
            pruned = run_prune(services.deps, timedelta(days=days), dry_run=dry_run)
        except ValueError as error:
            raise click.ClickException(f"The age {error}.") from None
        except Unavailable as error:
            raise click.ClickException(error.detail) from None
        posts = ", ".join(f"{number} {status}" for status, number in pruned.posts.items())
        verb = "Would delete" if dry_run else "Deleted"
        click.echo(f"{verb} posts last changed more than {days:g} days ago: {posts}; and {pruned.alerts} alerts.")
        if not pruned.complete:
            click.echo("There are more: run it again.")

    return prune


def _token(services: Services) -> click.Command:
    @click.command("token")
    @click.argument("user")
    @click.option("--admin", is_flag=True, help="With the admin's role.")
    def token(user: str, admin: bool) -> None:
        """Print a token for USER, for trying things out."""
        try:
            click.echo(services.users.issue(user, admin=admin))
        except ValueError as error:
            raise click.ClickException(str(error)) from None

    return token


def _doctor(services: Services) -> click.Command:
    @click.command("doctor")
    def doctor() -> None:
        """Check settings, database, QStash and n8n: what works, what does not, what to do."""
        from app.operations.doctor import diagnose

        findings = diagnose(services.deps)
        for finding in findings:
            click.echo(f"{finding.mark:<4}  {finding.about:<9} {finding.text}")
        raise SystemExit(1 if any(finding.mark == "FAIL" for finding in findings) else 0)

    return doctor


def _first_line(error: Exception) -> str:
    """Enough to act on, and never the URL, which holds a password."""
    text = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()
    return text[0][:200] if text else type(error).__name__
