"""Punctual publishes a social post once, at the second its author chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.settings.values import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Build the app from `settings`, or from the environment where None.

    Raises: SettingsError with every bad setting.
    """
    from app.cli import register_commands
    from app.log import configure
    from app.web import build_app
    from app.wiring import wire

    configure()
    app = build_app(wire(settings))
    register_commands(app)
    return app
