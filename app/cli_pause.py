"""The commands of the switch for all sending: pause and resume."""

from __future__ import annotations

import click

from app.deps import Services
from app.domain.errors import Invalid, Unavailable
from app.domain.times import to_wire


def pause_command(services: Services) -> click.Command:
    @click.command("pause")
    @click.option("--reason", metavar="TEXT", help="Shown by the status route, by doctor and in the alert.")
    def pause(reason: str | None) -> None:
        """Pause all sending, also by processes that run now. Posts stay scheduled and lose no try.

        Running it again changes the reason. End the pause with flask resume.
        """
        from app.pause import pause as begin

        try:
            done = begin(services.deps, reason)
        except (Invalid, Unavailable) as error:
            raise click.ClickException(error.detail) from None
        click.echo(f"Sending is paused since {to_wire(done.pause.since)}: {done.pause.reason}.")
        if done.publishing:
            click.echo(f"{done.publishing} posts were claimed before. They are being sent or wait for n8n's report.")
        click.echo("Posts stay scheduled. To send again: flask resume")

    return pause


def resume_command(services: Services) -> click.Command:
    @click.command("resume")
    def resume() -> None:
        """End the pause. The next sweep sends the posts that fell due meanwhile, each owner's in turn."""
        from app.pause import resume as end

        try:
            done = end(services.deps)
        except Unavailable as error:
            raise click.ClickException(error.detail) from None
        if done.pause is None:
            click.echo("Sending was not paused.")
            return
        click.echo(f"Sending goes on. It was paused since {to_wire(done.pause.since)}: {done.pause.reason}.")
        click.echo(f"Overdue posts: {done.overdue}. The next sweep sends them. At once: flask sweep")
        grace = services.deps.settings.sweep_grace_seconds
        if done.overdue and services.deps.messages is not None:
            click.echo(f"Posts due within the last {grace:g} s are left to the sweep after that.")
        limit = services.deps.settings.max_lateness_seconds
        if done.overdue and limit is not None:
            click.echo(f"Posts more than {limit:g} s late fail with missed, because of MAX_LATENESS_SECONDS.")

    return resume


SWITCH = (pause_command, resume_command)
