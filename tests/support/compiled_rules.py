"""Compiled routes, kept from app to app.

Each test of HTTP builds an app of its own. Compiling its routes took nine tenths of that, and the result depends on the
route alone.
"""

from typing import Any

from flask import Flask
from werkzeug.routing import Rule

_compiled: dict[Any, tuple[dict[str, Any], frozenset[str]]] = {}


class SharedRule(Rule):
    """A rule that compiles as another one of the same text, methods and endpoint did."""

    def compile(self) -> None:
        key = (self.rule, self.endpoint, frozenset(self.methods or ()), repr(self.defaults), self.subdomain, self.host)
        known = _compiled.get(key)
        if known is None:
            before = dict(vars(self))
            super().compile()
            made = {name: value for name, value in vars(self).items() if before.get(name) is not value}
            _compiled[key] = made, frozenset(self.arguments)
        else:
            vars(self).update(known[0])
            self.arguments |= known[1]


def share_compiled_rules() -> None:
    Flask.url_rule_class = SharedRule
