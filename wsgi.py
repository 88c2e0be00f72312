"""The entry point for WSGI servers and Vercel: `wsgi:app`."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def load() -> Flask:
    """The app. Nothing that imports make is garbage, so looking for some meanwhile would be a sixth of a cold start;
    nor need later collections look through all of it again and again."""
    gc.disable()
    try:
        from app import create_app
        from app.settings.values import SettingsError

        return create_app()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  (there is no log yet, and no stack trace helps with a setting)
        raise SystemExit(3) from None  # gunicorn takes 3 as "will not boot" and stops instead of trying forever
    finally:
        gc.freeze()
        gc.enable()


app = load()
