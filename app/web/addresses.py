"""The rules of addresses and methods: no redirects, user ids in paths, and HEAD without effects.

Invariant: no address is redirected, because a Location would repeat the Host header of the request.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

from flask import Flask, current_app, request
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter, RequestRedirect

View = TypeVar("View")

TOKEN_IN_PATH = re.compile(r"(/invitations/)[^/]+(?=/accept)|(/feeds/)[^/]+(?=\.ics)", re.IGNORECASE)

ACTS_ON_GET = "punctual_acts_on_get"  # the attribute of a view with a GET that changes something


class UserIdConverter(BaseConverter):
    """A user id as the end of a path. It may contain slashes, because identity providers choose it."""

    part_isolating = False
    regex = ".+"


def prepare(app: Flask) -> None:
    """Set the rules of addresses, before any route is registered."""
    app.url_map.merge_slashes = False
    app.url_map.converters["user_id"] = UserIdConverter


def register(app: Flask) -> None:
    """Check every request, after the check that gives it an id. Call it after all routes are registered."""
    rules = list(app.url_map.iter_rules())
    for rule in rules:
        view: Any = app.view_functions[rule.endpoint]
        if rule.methods is not None and getattr(getattr(view, "view_class", view), ACTS_ON_GET, False):
            rule.methods.discard("HEAD")
            of_address = [each.methods or set() for each in rules if each.rule == rule.rule]
            app.extensions.setdefault(ACTS_ON_GET, {})[rule.rule] = of_address
    app.before_request(_refuse_redirect)
    app.before_request(_refuse_head)


def logged_path() -> str:
    """Return the request's path for the log, without the token that a path may contain."""
    return TOKEN_IN_PATH.sub(r"\1\2…", request.path)


def acts_on_get(view: View) -> View:
    """Mark a view with a GET that changes something. Its HEAD answers 405."""
    setattr(view, ACTS_ON_GET, True)
    return view


def _refuse_redirect() -> None:
    """Answer an address that Flask would redirect like an unknown one.

    Raises: NotFound.
    """
    if isinstance(request.routing_exception, RequestRedirect):
        raise NotFound


def _refuse_head() -> None:
    """Refuse HEAD where GET changes something: link previews and monitors send it unasked.

    Werkzeug would look for another route with HEAD, such as the one of a post for the address of the sweep.

    Raises: MethodNotAllowed.
    """
    methods = current_app.extensions.get(ACTS_ON_GET, {}).get(request.path)
    if request.method == "HEAD" and methods is not None:
        raise MethodNotAllowed(sorted(set().union(*methods)))
