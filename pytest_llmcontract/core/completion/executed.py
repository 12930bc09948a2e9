"""Tools that the provider runs itself: search, code, tools of a server that it asks. What they found is made up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pytest_llmcontract.core.call.script import last_user_text

SERVER = "mcp"
"""The type of a server's tools, as requests name it."""

_ADDRESS = re.compile(r"https?://[^\s)>\"']+")


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
    pages: tuple[str, ...] = ()
    """The addresses that a search found."""

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
        if kind == SERVER:
            yield _ran(kind, tools_of(tool)[0], {"query": asked}, str(tool.get("server_label", "")))
        elif kind != "function":
            ran = _ran(kind, kind, _arguments(kind, asked))
            yield replace(ran, pages=tuple(_pages(body))) if "search" in kind else ran


def _arguments(kind: str, asked: str) -> dict[str, str]:
    """What the model gives a tool: the words of the user, their address, or code."""
    if kind == "code_interpreter":
        return {"code": f"print({asked!r})"}
    if kind == "visit_website":
        found = _ADDRESS.search(asked)
        return {"url": found[0] if found else "https://example.com"}
    return {"query": asked}


def _pages(body: Mapping[str, Any]) -> Iterator[str]:
    """Where a search finds something: within the domains that the request includes, not in those it excludes."""
    settings = body.get("search_settings")
    where = {**body, **(settings if isinstance(settings, Mapping) else {})}
    wanted = [name.replace("*.", "www.").strip("/") for name in where.get("include_domains") or ()]
    barred = [name.removeprefix("*.") for name in where.get("exclude_domains") or ()]
    for domain in wanted or ("example.com", "example.org"):
        if not any(domain == name or domain.endswith(f".{name}") for name in barred):
            yield f"https://{domain}" if "/" in domain else f"https://{domain}/"


def tools_of(server: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the tools that a *server* has: those that the request allows, else a made-up one."""
    allowed = server.get("allowed_tools")
    named = allowed.get("tool_names") if isinstance(allowed, Mapping) else allowed
    return tuple(map(str, named)) if isinstance(named, list) and named else ("search",)


def _ran(kind: str, name: str, arguments: Mapping[str, Any], server: str = "") -> Executed:
    text = json.dumps(arguments, ensure_ascii=False)
    return Executed(kind, name, text, f"This is a simulated result of {name}.", server)
