"""Which operation a request is for: an edition's paths, looked up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from urllib.parse import unquote

UNKNOWN = "unknown"

_NOTHING: Mapping[str, str] = {}
_NAME = re.compile(r"\{([a-z_]+)\}")


class Routes:
    """The operations of one provider.

    Args:
        base: The path they share, ``/openai/v1``.
        operations: ``"GET /models/{id}"`` -> ``"models.retrieve"``. Names in braces stand for any text; the last one
            may hold slashes. A path that begins with two slashes stands outside *base*.
    """

    def __init__(self, base: str, operations: Mapping[str, str]) -> None:
        self._base = base
        self._exact: dict[tuple[str, str], str] = {}
        self._named: list[tuple[str, str, str]] = []
        for line, operation in operations.items():
            method, _, path = line.partition(" ")
            address = path[1:] if path.startswith("//") else base + path
            if "{" in address:
                self._named.append((method, address, operation))
            else:
                self._exact[method, address] = operation
        # The longest fixed part first: /batches/{id}/cancel before /batches/{id}.
        self._named.sort(key=lambda route: -len(_NAME.sub("", route[1])))

    def find(self, method: str, path: str) -> tuple[str, Mapping[str, str]]:
        """The operation and what its path names; ``("unknown", {})`` if the provider has no such address."""
        path = path.rstrip("/") or "/"
        if operation := self._exact.get((method, path)):
            return operation, _NOTHING
        for wanted, address, operation in self._named:
            if method == wanted and (found := _pattern(address).fullmatch(path)):
                # Some clients escape the slash of a model's name.
                return operation, {name: unquote(text) for name, text in found.groupdict().items()}
        return UNKNOWN, _NOTHING

    def nearest(self, path: str) -> str:
        """The address a wrong path was probably meant for: one with the same end; empty if there is none."""
        addresses = sorted((address for _, address in self._exact), key=len, reverse=True)
        return next((a for a in addresses if path.endswith(a.removeprefix(self._base))), "")


@cache
def _pattern(address: str) -> re.Pattern[str]:
    """Made when first needed: most tests ask for nothing that has a name in its path."""
    fixed, names = _NAME.split(address)[::2], _NAME.findall(address)
    places = [f"(?P<{name}>{'.+' if name == names[-1] else '[^/]+'})" for name in names]
    return re.compile("".join(re.escape(text) + place for text, place in zip(fixed, [*places, ""], strict=True)))
