"""The Content-Security-Policy of our pages.

Invariant: no page allows a script or a style of unknown text.
"""

from __future__ import annotations

import base64
import hashlib
import re

LOOPBACK = "http://127.0.0.1:* http://localhost:*"
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def console_policy(*, local: bool) -> str:
    """Return the policy of the console. In the local stack, posts may have media of this machine."""
    here = f" {LOOPBACK}" if local else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' https: data:{here}",
            f"media-src https:{here}",
            "connect-src 'self'",
            "font-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def style_policy(page: str) -> str:
    """Return the policy of a page without scripts: it allows the styles in its text, by their hashes."""
    digests = [hashlib.sha256(style.encode()).digest() for style in _STYLE.findall(page)]
    styles = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests) or "'none'"
    return f"default-src 'none'; style-src {styles}; img-src data:; frame-ancestors 'none'; base-uri 'none'"
