"""The commands of keys: keys rotate-encryption, and keys revoke for the personal keys of a user."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from app.deps import Services
from app.domain.errors import NotConfigured, Unavailable


def keys_commands(services: Services) -> click.Group:
    group = AppGroup("keys", help="The keys that encrypt the accounts' tokens, and users' personal keys.")

    @group.command("rotate-encryption")
    @click.option("--dry-run", is_flag=True, help="Only count the secrets, change nothing.")
    def rotate_encryption(dry_run: bool) -> None:
        """Encrypt all tokens with the first key of TOKEN_ENCRYPTION_KEYS, each bound to its row.

        Safe while the app runs, and to interrupt and run again. Ends with 1 where a secret is left.
        """
        from app.accounts.rotate import rotate_encryption as rotate

        try:
            done = rotate(services.deps, dry_run=dry_run)
        except NotConfigured as error:
            raise click.ClickException(error.detail) from None
        except Unavailable as error:
            raise click.ClickException(f"{error.detail} Run the command again: it goes on.") from None
        verb = "Would encrypt" if dry_run else "Encrypted"
        click.echo(f"{verb} {done.encrypted} secrets with the first key. Already so: {done.current}.")
        for name in done.unreadable:
            click.echo(f"{name}: no key of TOKEN_ENCRYPTION_KEYS opens it in this row. Reconnect it.", err=True)
        for name in done.busy:
            click.echo(f"{name}: changed or locked now. Run the command again.", err=True)
        raise SystemExit(0 if done.complete else 1)

    @group.command("revoke")
    @click.argument("user")
    def revoke(user: str) -> None:
        """Revoke all personal API keys of a user who has left. The user's tokens end by themselves."""
        from app.api_keys import revoke_all

        try:
            revoked = revoke_all(services.deps, user)
        except Unavailable as error:
            raise click.ClickException(error.detail) from None
        click.echo(f"Revoked {revoked} personal keys of {user}.")

    return group
