"""The entry point for WSGI servers and Vercel: `wsgi:app`."""

import sys

from app import create_app
from app.config import SettingsError

try:
    app = create_app()
except SettingsError as error:
    print(error, file=sys.stderr)  # noqa: T201  (there is no log yet, and no stack trace helps with a setting)
    raise SystemExit(3) from None  # gunicorn takes 3 as "will not boot" and stops instead of trying forever
