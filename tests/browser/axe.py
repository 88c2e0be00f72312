"""Check the console's pages with axe-core against WCAG 2.2 at level AA.

axe-core is a development package of the console, under the MPL-2.0. It runs in these tests alone: no bundle of ours
contains it, and nothing of it is shipped.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from app.web.console.build import checkers
from tests.browser.console import Console

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: All rules of the level. axe leaves out the size of targets where nobody asks for it.
EVERYTHING: dict[str, Any] = {"runOnly": {"type": "tag", "values": TAGS}, "rules": {"target-size": {"enabled": True}}}
COLOURS: dict[str, Any] = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
GRAVE = ("serious", "critical")


def faults(console: Console, options: dict[str, Any], within: str = "body") -> list[str]:
    """Return the serious and critical faults of the page, each with its rule and the element."""
    if not console.browser.execute_script("return 'axe' in window"):
        console.browser.execute_script(_source())
    found = console.browser.execute_async_script(RUN, within, options)
    return [f"{one['rule']}: {one['html']} ({one['why']})" for one in found if one["impact"] in GRAVE]


@cache
def _source() -> str:
    return (checkers() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


# Two frames: the page is drawn in its present colours.
RUN = """
const [within, options, done] = arguments;
const LESS = {resultTypes: ["violations"], iframes: false, preload: false, selectors: false};
const drawn = () => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
const lines = (rule) => rule.nodes.map((node) =>
  ({rule: rule.id, impact: node.impact, html: node.html.slice(0, 200), why: node.failureSummary.slice(0, 300)}));
drawn()
  .then(() => axe.run(within, {...options, ...LESS}))
  .then((found) => done(found.violations.flatMap(lines)),
        (error) => done([{rule: "axe", impact: "critical", html: "", why: String(error)}]));
"""
