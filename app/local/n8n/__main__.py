"""`python -m app.local.n8n`: the n8n stand-in as a process."""

import argparse
import sys
from pathlib import Path

from app.local import http_server
from app.local.n8n.server import Options, StandIn

ORDERS = """\
faults, by POST /_local/script {"do": "503", "times": 1, "postId" or "match": …}, or in a post's text as [n8n:503 x1]:
  503, refuse, 429 retry-after=S   refuse with any status (404: not registered; 524: the proxy gave up)
  hang, drop                       never answer; cut the connection; with `act` after publishing
  slow=S, first                    answer late; report before answering
  late=S, twice, never             report late, twice, or not at all
  two-urns, run-twice, vanish      two copies; two executions; accept and do nothing
  permanent, transient, throttled, revoked, meta-190   report this failure
words combine, as in `drop act late=5`; xN is how often, without it a marker holds always and an order once
"""


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    options = Options(
        data=args.data,
        callback_url=args.callback_url,
        callback_delay=args.callback_delay / 1000,
        asks_first=args.claim,
        auth_header=args.auth_header,
    )
    return http_server.run(StandIn(options).application(), "n8n stand-in", args.host, args.port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app.local.n8n",
        description="A stand-in for n8n. N8N_CALLBACK_SECRET in the environment is what it brings to Punctual.",
        epilog=ORDERS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5678, help="0: any free port, printed on start")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the ledger and the feeds in this folder")
    parser.add_argument("--callback-url", help="where to report when a post brings no callbackUrl")
    parser.add_argument("--callback-delay", type=float, default=20, metavar="MS", help="before a report (default 20)")
    parser.add_argument("--claim", action="store_true", help="ask the post's claimUrl before publishing")
    parser.add_argument("--auth-header", type=_header, metavar="'NAME: VALUE'", help="callers must bring this header")
    return parser


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError("write it as 'Name: value'")
    return name.strip(), value.strip()


if __name__ == "__main__":
    sys.exit(main())
