"""The entry points: `wsgi:app` for WSGI servers and Vercel, and the factory `wsgi:served` for our own server."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.deps import Services

#: A thread computes this long before another gets the interpreter. By the default of 5 ms, a due delivery would
#: wait 5 ms for it at each of its steps. The shorter, the more it costs where many threads wait for the interpreter.
SWITCH_INTERVAL_SECONDS = 0.001
CALM_SECONDS = 0.2  # without a due post, for a full garbage collection


def load() -> Flask:
    """Load the app with the garbage collector off.

    Collecting during imports costs a sixth of a cold start and frees nothing. `gc.freeze` then keeps later collections
    from scanning the imported objects again. Bad settings end the process with exit status 3.
    """
    gc.disable()
    try:
        from app import create_app
        from app.adapters.garbage import collect_in_quiet
        from app.settings.values import SettingsError

        app = create_app()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  (no log yet, and a stack trace does not help)
        raise SystemExit(3) from None
    finally:
        gc.freeze()
        gc.enable()
        sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    services: Services = app.extensions["punctual"]
    deps = services.deps
    if not deps.settings.vercel:  # a frozen process has no quiet moment
        collect_in_quiet(lambda: deps.gate.is_busy(deps, CALM_SECONDS))
    return app


def served() -> Flask:
    """Return the app for a process that stays: what a first use costs is paid before the first request."""
    from app.preload import preload

    preload(app)
    gc.freeze()
    return app


app = load()
