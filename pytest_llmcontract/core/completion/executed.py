"""Tools that the provider runs itself: search, code, tools of a server that it asks. What they found is made up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmcontract.core.call.script import last_user_text

SEARCH, CODE, SERVER = "browser_search", "code_interpreter", "mcp"
"""Types of such tools, as requests name them."""


@dataclass(frozen=True, slots=True)
class Executed:
    """One run of such a tool."""

    type: str
    """As the request names it."""
    name: str
    """What was called: of a server, one of its tools."""
    arguments: str
    """JSON text."""
    output: str
    server: str = ""
    """The label of the server that was asked."""

    @property
    def asked(self) -> dict[str, Any]:
        """The arguments as data."""
        return dict(json.loads(self.arguments))


def executions(body: Mapping[str, Any]) -> Iterator[Executed]:
    """One run of every such tool that the chat *body* offers; none where it forbids calls."""
    if body.get("tool_choice") == "none":
        return
    asked = last_user_text(body)
    for tool in body.get("tools") or ():
        kind = tool.get("type")
        if kind in (SEARCH, CODE):
            yield _ran(kind, kind, {"query": asked} if kind == SEARCH else {"code": f"print({asked!r})"})
        elif kind == SERVER:
            yield _ran(kind, tools_of(tool)[0], {"query": asked}, str(tool.get("server_label", "")))


def tools_of(server: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the tools that a *server* has: those that the request allows, else a made-up one."""
    allowed = server.get("allowed_tools")
    named = allowed.get("tool_names") if isinstance(allowed, Mapping) else allowed
    return tuple(map(str, named)) if isinstance(named, list) and named else ("search",)


def _ran(kind: str, name: str, arguments: Mapping[str, Any], server: str = "") -> Executed:
    text = json.dumps(arguments, ensure_ascii=False)
    return Executed(kind, name, text, f"This is a simulated result of {name}.", server)
