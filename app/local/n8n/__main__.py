"""Command line of the n8n stand-in: `python -m app.local.n8n`."""

import argparse
import sys
from pathlib import Path

from app.local import http_server
from app.local.n8n.server import Options, StandIn

FAULTS = """\
faults, by POST /_local/script {"do": "503", "times": 1, "postId" or "match": …}, or in a post's text as [n8n:503 x1]:
  503, refuse, 429 retry-after=S   refuse with this status (404: not registered, 524: proxy timeout)
  hang, drop                       never answer, cut the connection (with `act`: after publishing)
  slow=S, first                    answer S seconds late, report before the answer
  late=S, twice, never             report S seconds late, twice, never
  two-urns, run-twice, vanish      publish two copies, run the workflow twice, accept and do nothing
  permanent, transient, throttled, revoked, meta-190   report this failure
Words combine: `drop act late=5`. xN limits a directive to N requests. Without xN a marker in a post's text applies
always, and a script rule applies once.
"""


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    options = Options(
        data=args.data,
        callback_url=args.callback_url,
        fixed_callback=args.fixed_callback,
        callback_delay=args.callback_delay / 1000,
        claim_first=args.claim,
        auth_header=args.auth_header,
    )
    return http_server.run(StandIn(options).application(), "n8n stand-in", args.host, args.port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app.local.n8n",
        description="A stand-in for n8n. It sends N8N_CALLBACK_SECRET of the environment to Punctual, if it is set.",
        epilog=FAULTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5678, help="0: any free port, printed on start")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder for the ledger and the published posts")
    parser.add_argument("--callback-url", help="report address for posts without callbackUrl")
    parser.add_argument(
        "--fixed-callback", action="store_true", help="report to --callback-url alone, as old workflows"
    )
    parser.add_argument("--callback-delay", type=float, default=20, metavar="MS", help="before a report (default 20)")
    parser.add_argument("--claim", action="store_true", help="ask the post's claimUrl before publishing")
    parser.add_argument("--auth-header", type=_header, metavar="'NAME: VALUE'", help="header that callers must send")
    return parser


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError("write it as 'Name: value'")
    return name.strip(), value.strip()


if __name__ == "__main__":
    sys.exit(main())
