"""Command line of the LinkedIn stand-in: `python -m app.local.linkedin`."""

import argparse
import os
import sys

from app.local import http_server
from app.local.linkedin.faults import WORDS
from app.local.linkedin.grants import Grants
from app.local.linkedin.server import StandIn

FAULTS = """\
faults, by POST /_local/faults {"do": "503", "at": "token" or "userinfo", "times": 1 or null for always}:
  503, 429 …        refuse with this status
""" + "\n".join(f"  {word:<17} {meaning}" for word, meaning in WORDS.items())


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    names = ("LINKEDIN_CLIENT_ID", "LINKEDIN_CLIENT_SECRET")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        print(f"LinkedIn stand-in: set {' and '.join(missing)} to the app's own values", file=sys.stderr)
        return 2
    app_id, secret = (os.environ[name] for name in names)
    grants = Grants(app_id, secret, args.redirect_uri, args.access_life, args.refresh_life)
    return http_server.run(StandIn(grants).application(), "LinkedIn stand-in", args.host, args.port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app.local.linkedin",
        description="A stand-in for LinkedIn's OAuth 2.0. LINKEDIN_CLIENT_ID and _SECRET hold the registered app.",
        epilog=FAULTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090, help="0: any free port, printed on start")
    parser.add_argument("--redirect-uri", required=True, help="the app's registered callback")
    parser.add_argument("--access-life", type=float, default=60 * 86_400, metavar="SECONDS", help="default: 60 days")
    parser.add_argument("--refresh-life", type=float, default=365 * 86_400, metavar="SECONDS", help="default: 365 days")
    return parser


if __name__ == "__main__":
    sys.exit(main())
