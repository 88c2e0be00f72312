"""Choose the behaviour for a request: by the script's rules first, then by the markers in the post's text."""

from dataclasses import asdict, dataclass
from typing import Any

from app.local.n8n.directives import Behaviour, DirectiveError, markers, parse


@dataclass(slots=True)
class Rule:
    """One rule from the control route. Without `post_id` and `match` it applies to all posts."""

    do: str
    post_id: str | None = None
    match: str | None = None
    times: int | None = 1  # remaining uses, None: always

    def applies_to(self, post_id: str, text: str) -> bool:
        return self.post_id in (None, post_id) and (self.match is None or self.match in text)


class Script:
    """The rules in order of arrival, and the number of uses of each marker of each post."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._uses: dict[tuple[str, int, str], int] = {}

    def add(self, request: Any) -> Rule:
        """Add a rule from the body of a control request: `{"postId"?, "match"?, "times"?, "do"}`.

        Raises: DirectiveError when the body is not a valid rule.
        """
        if not isinstance(request, dict) or not isinstance(request.get("do"), str):
            raise DirectiveError('send {"do": "503", "times": 1, "postId" or "match": …}')
        _, counted = parse(request["do"])
        times = request.get("times", counted if counted is not None else 1)
        if times is not None and (not isinstance(times, int) or times < 1):
            raise DirectiveError("'times' must be a whole number from 1 up, or null for always")
        rule = Rule(request["do"], request.get("postId"), request.get("match"), times)
        self._rules.append(rule)
        return rule

    def clear(self) -> None:
        self._rules.clear()
        self._uses.clear()

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(rule) for rule in self._rules]

    def take(self, post_id: str, text: str) -> Behaviour:
        """Return the behaviour for one request and count one use of its rule or marker.

        Raises: DirectiveError when a marker in the text is not valid.
        """
        for rule in self._rules:
            if rule.applies_to(post_id, text):
                self._use(rule)
                return parse(rule.do)[0]
        return self._from_text(post_id, text)

    def _use(self, rule: Rule) -> None:
        if rule.times is not None:
            rule.times -= 1
            if rule.times == 0:
                self._rules.remove(rule)

    def _from_text(self, post_id: str, text: str) -> Behaviour:
        if "[n8n:" not in text:
            return Behaviour()
        for index, marker in enumerate(markers(text)):
            behaviour, times = parse(marker)
            key = (post_id, index, marker)
            if times is None:
                return behaviour
            if self._uses.get(key, 0) < times:
                self._uses[key] = self._uses.get(key, 0) + 1
                return behaviour
        return Behaviour()
