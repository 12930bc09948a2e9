"""Which provider, and which scope, an address of the server means.

One port serves all providers: by the path that each has at home (``/openai/v1``, ``/v1``), and below a root of its own
(``/groq``, ``/together``). People configure the base twice, and get it answered: the call says so. Clients that have
one base URL for all put what stands beside the base below it, and get that answered too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

from pytest_llmcontract.core.call.routes import UNKNOWN, Routes
from pytest_llmcontract.core.facts.registry import api_of

CONTROL = "/_llmcontract"


class Home(NamedTuple):
    """Where a provider's addresses begin."""

    name: str
    base: str
    """``/openai/v1``."""
    others: tuple[str, ...]
    """Beginnings of addresses beside it, ``/v2/``."""
    versions: tuple[str, ...]
    """Those of them that are another version of the API, ``/v2``."""
    routes: Routes
    """Its addresses, for the method ``*``."""

    def has(self, path: str) -> bool:
        return self.routes.find("*", path)[0] != UNKNOWN


class Place(NamedTuple):
    """What an address of the server means."""

    provider: str
    """Empty: none's."""
    path: str
    """As the provider knows it."""
    doubled: bool = False
    """The base stood there twice."""
    host: str = ""
    """The host that the request itself names; empty: the provider's first."""


def home_of(name: str) -> Home:
    """Where the addresses of a provider begin, from its ``api.json``."""
    api = api_of(name)
    paths = [line.partition(" ")[2] for line in api["operations"]]
    outside = sorted({f"/{path.split('/')[2]}/" for path in paths if path.startswith("//")})
    versions = tuple(other[:-1] for other in outside if re.fullmatch(r"/v\d+/", other))
    routes = Routes(api["base"], {f"* {path}": path for path in paths})
    return Home(name, api["base"], tuple(outside), versions, routes)


def scope_of(path: str) -> tuple[str, str]:
    """The scope that ``/t/NAME/…`` names, and the rest of the path; the scope is empty where it names none."""
    if not path.startswith("/t/"):
        return "", path
    name, slash, rest = path[3:].partition("/")
    return unquote(name), slash + rest or "/"


def place_of(path: str, homes: Sequence[Home]) -> Place:
    """What *path*, without its scope, means."""
    for home in homes:
        root = f"/{home.name}"
        if path == root or path.startswith(f"{root}/"):
            return _below_root(home, path[len(root) :] or "/")
    for home in sorted(homes, key=lambda home: -len(home.base)):
        if path == home.base or path.startswith(f"{home.base}/"):
            return _once(home, path)
    beside = (home for home in homes if path.startswith(home.others))
    return next((Place(home.name, path) for home in beside), Place("", path))


def _below_root(home: Home, path: str) -> Place:
    if path.startswith(home.others):
        return Place(home.name, path)
    if path.startswith(home.base):
        return _once(home, path)
    # A client with a base of its own, "/v1", or with none at all.
    return _once(home, home.base + path.removeprefix("/v1"))


def _once(home: Home, path: str) -> Place:
    """The address with its base once, however often it was configured."""
    rest, doubled = path[len(home.base) :], False
    while again := next((base for base in (home.base, "/openai/v1", "/v1") if rest.startswith(f"{base}/")), ""):
        rest, doubled = rest[len(again) :], True
    return Place(home.name, _beside(home, rest) or home.base + rest, doubled)


def _beside(home: Home, rest: str) -> str:
    """The address that *rest* has in another version of the API, where the base has none for it; else empty.

    Together's SDK before its third leaves ``/v2`` out when it is told a base URL.
    """
    if not home.versions or home.has(home.base + rest):
        return ""
    return next((path for version in home.versions if home.has(path := version + rest)), "")
