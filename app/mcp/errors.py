"""The error of a tool: a sentence with the cure, shown to the agent.

Invariant: its text has no token. Any other exception reaches the agent as the tool's name alone.
"""

from __future__ import annotations

from mcp.server.mcpserver.exceptions import ToolError


class Refused(ToolError):
    """The tool did not do what was asked."""
