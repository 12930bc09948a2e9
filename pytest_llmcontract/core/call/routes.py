"""Which operation a request is for: an edition's paths, looked up."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

UNKNOWN = "unknown"


class Routes:
    """The operations of one provider.

    Args:
        base: The path they share, ``/openai/v1``.
        operations: ``"GET /models/{id}"`` -> ``"models.retrieve"``. ``{id}`` may hold slashes; a path that begins
            with two stands outside *base*.
    """

    def __init__(self, base: str, operations: Mapping[str, str]) -> None:
        self._base = base
        self._exact: dict[tuple[str, str], str] = {}
        self._with_id: list[tuple[str, str, str, str]] = []
        for line, operation in operations.items():
            method, _, path = line.partition(" ")
            address = path[1:] if path.startswith("//") else base + path
            head, found, tail = address.partition("{id}")
            if found:
                self._with_id.append((method, head, tail, operation))
            else:
                self._exact[method, address] = operation
        # The longest fixed part first: /batches/{id}/cancel before /batches/{id}.
        self._with_id.sort(key=lambda route: -len(route[1] + route[2]))

    def find(self, method: str, path: str) -> tuple[str, str]:
        """The operation and the id in its path; ``("unknown", "")`` if the provider has no such address."""
        path = path.rstrip("/") or "/"
        if operation := self._exact.get((method, path)):
            return operation, ""
        for wanted, head, tail, operation in self._with_id:
            if method == wanted and path.startswith(head) and path.endswith(tail) and len(path) > len(head + tail):
                # Some clients escape the slash of a model's name.
                return operation, unquote(path[len(head) : len(path) - len(tail)])
        return UNKNOWN, ""

    def nearest(self, path: str) -> str:
        """The address a wrong path was probably meant for: one with the same end; empty if there is none."""
        addresses = sorted((address for _, address in self._exact), key=len, reverse=True)
        return next((a for a in addresses if path.endswith(a.removeprefix(self._base))), "")
