"""The commands about people's data: user export, user delete, company delete."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

from app.deps import Services
from app.domain.errors import Refusal

if TYPE_CHECKING:
    from app.people.calling_off import Done

MAX_USER = 255


def user_commands(services: Services) -> click.Group:
    group = AppGroup("user", help="The data of one user.")

    @group.command("export")
    @click.argument("user")
    @click.option("--output", type=click.Path(dir_okay=False), metavar="FILE", help="A new file, for its owner alone.")
    def export(user: str, output: str | None) -> None:
        """Write everything stored about USER as JSON, without tokens and keys."""
        from app.people.export import export_user

        pieces = export_user(services.deps, user)
        try:
            if output is None:
                for piece in pieces:
                    click.echo(piece, nl=False)
                return
            with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.writelines(pieces)
        except Refusal as error:
            raise click.ClickException(error.detail) from None
        except FileExistsError:
            raise click.ClickException(f"{output} exists already. Name a new file.") from None
        except OSError as error:
            raise click.ClickException(f"{output} cannot be written: {error.strerror}.") from None
        click.echo(f"Everything stored about {user} is in {output}.", err=True)

    @group.command("delete")
    @click.argument("user")
    @click.option("--dry-run", is_flag=True, help="Only count the rows, change nothing.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    def delete(user: str, dry_run: bool, yes: bool) -> None:
        """Delete everything stored about USER: posts are called off and tokens revoked first.

        Block the user where tokens are issued before. It may be interrupted and run again.
        """
        from app.people.user import count_user, delete_user

        try:
            counts = {name: number for name, number in count_user(services.deps, user).items() if number}
            if not counts:
                click.echo(f"Nothing is stored about {user}.")
                return
            _show(f"Stored about {user}", counts)
            if dry_run:
                return
            if not yes:
                click.confirm(f"Delete the data of {user} for good?", abort=True)
            done = delete_user(services.deps, user)
        except Refusal as error:
            raise click.ClickException(error.detail) from None
        _show_done(done)
        click.echo(f"Left {done.companies} companies. What they own stays, without the user's name.")

    return group


def company_commands(services: Services) -> click.Group:
    group = AppGroup("company", help="A company with everything that it owns.")

    @group.command("delete")
    @click.argument("company", type=click.UUID)
    @click.option("--dry-run", is_flag=True, help="Only count the rows, change nothing.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    def delete(company: object, dry_run: bool, yes: bool) -> None:
        """Delete the COMPANY with this id: its posts, accounts, members and clients.

        Its members lose their access first. It may be interrupted and run again.
        """
        from app.people.company import count_company, delete_company

        try:
            _show(f"Company {company}", count_company(services.deps, str(company)))
            if dry_run:
                return
            if not yes:
                click.confirm("Delete this company for good?", abort=True)
            _show_done(delete_company(services.deps, str(company)))
        except Refusal as error:
            raise click.ClickException(error.detail) from None

    return group


def _show(title: str, counts: dict[str, int]) -> None:
    click.echo(f"{title}: {', '.join(f'{number} {name}' for name, number in counts.items())}.")


def _show_done(done: Done) -> None:
    click.echo(
        f"Called off {done.called_off} posts. Deleted {done.posts} posts, {done.accounts} accounts"
        f" and {done.rows} other rows."
    )
    for line in done.not_revoked:
        click.echo(f"Not revoked: {line}.", err=True)


PEOPLE = (user_commands, company_commands)
