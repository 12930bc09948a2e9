"""Literal calls of clients in Python: which provider a client is of, and what fields it is given that are refused."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from pytest_llmcontract.core.contract.mismatch import Mismatch
from pytest_llmcontract.core.facts.lifecycle import Lifecycle
from pytest_llmcontract.core.facts.load import model_on
from pytest_llmcontract.core.facts.registry import provider_hosts
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.provider import contracts_of
from pytest_llmcontract.scan.sources import Source

OPERATIONS = {
    "chat.completions.create": "chat.completions",
    "chat.completions.parse": "chat.completions",
    "completions.create": "completions",
    "responses.create": "responses",
    "embeddings.create": "embeddings",
    "images.generate": "images.generations",
    "audio.speech.create": "audio.speech",
    "audio.transcriptions.create": "audio.transcriptions",
    "audio.translations.create": "audio.translations",
}
"""The methods that SDKs share, and what each asks."""

OTHER = "other"
"""Stands for every host that is none of ours."""
_METHODS = frozenset(method.rpartition(".")[2] for method in OPERATIONS)
_OF_THE_CLIENT = frozenset({"timeout", "extra_headers", "extra_query", "extra_body", "max_retries", "self"})
"""Arguments that are not sent."""


class Clients:
    """The clients that a module makes, by the name that it gives them."""

    def __init__(self, source: Source, lives: tuple[Lifecycle, ...]) -> None:
        self._lives = lives
        self._names: dict[str, set[str]] = {}
        for node in source.assignments:
            if isinstance(node.value, ast.Call):
                provider = self.made_by(node.value)
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    self._names.setdefault(ast.unparse(target), set()).add(provider)

    def made_by(self, call: ast.Call) -> str:
        """The provider of the client that *call* makes: by its address, else by its name; empty if it says neither."""
        for argument in call.keywords:
            if argument.arg in ("base_url", "api_base") and isinstance(argument.value, ast.Constant):
                return next((life.provider for life in self._lives if _hosts(life, str(argument.value.value))), OTHER)
        name = ast.unparse(call.func).rpartition(".")[2]
        return next((life.provider for life in self._lives if name[:1].isupper() and life.is_named(f"{name}(")), "")

    def of(self, call: ast.Call) -> str:
        """The provider that *call* asks: of the client that it is a method of, or makes. Empty if that is not plain."""
        if made := self.made_by(call):
            return made
        root = call.func
        while isinstance(root, ast.Attribute):
            root = root.value
            if isinstance(root, ast.Call):
                return self.of(root)
            known = self._names.get(ast.unparse(root), set()) if isinstance(root, ast.Name | ast.Attribute) else set()
            if len(known) == 1:
                return next(iter(known))
        return ""


def _hosts(life: Lifecycle, address: str) -> bool:
    return any(f"//{host}" in address for host in provider_hosts(life.provider))


def meant(source: Source, lives: tuple[Lifecycle, ...]) -> Mapping[int, str]:
    """Line -> the provider that a call of a client there asks; the innermost call of several."""
    clients, found = Clients(source, lives), {}
    for node in source.calls:  # what is within comes later
        if provider := clients.of(node):
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                if isinstance(argument, ast.Constant):
                    found[argument.lineno] = provider
    return found


def refused(source: Source, lives: tuple[Lifecycle, ...], day: date) -> Iterator[tuple[Violation, int]]:
    """What literal calls give a provider that it refuses as a field; and the character where it is given."""
    asking = [(node, operation) for node in source.calls if (operation := _operation(node))]
    clients = Clients(source, lives) if asking else None
    for node, operation in asking:
        if clients and (provider := clients.of(node)) not in ("", OTHER):
            yield from _fields(source, node, provider, operation, day)


def _operation(call: ast.Call) -> str:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _METHODS:
        return ""
    path = ast.unparse(call.func)
    known = (name for method, name in OPERATIONS.items() if path.endswith(f".{method}"))
    return next(known, "")


def _fields(
    source: Source, call: ast.Call, provider: str, operation: str, day: date
) -> Iterator[tuple[Violation, int]]:
    given = {keyword.arg: keyword for keyword in call.keywords if keyword.arg and keyword.arg not in _OF_THE_CLIENT}
    body = {name: value for name, keyword in given.items() if (value := _literal(keyword.value)) is not None}
    contract = contracts_of(provider, day).get(operation)
    if contract is None:
        return
    name = body.get("model")
    for mismatch in contract.check(body, model_on(provider, name, day) if isinstance(name, str) else None):
        field = mismatch.path.removeprefix("$.")
        if mismatch.code == "LLM101" and mismatch.error and field in body:
            at = source.offset(given[field].lineno, given[field].col_offset)
            yield _violation(mismatch, provider, operation), at


def _violation(mismatch: Mismatch, provider: str, operation: str) -> Violation:
    found = Violation.of(
        "LLM101", f"{provider} {operation}: {mismatch.message}", provider=provider, operation=operation
    )
    told = {name: getattr(mismatch, name) for name in ("path", "sent", "allowed", "fix")}
    return replace(found, answer=f"answers {mismatch.error}", contract=mismatch.schema, **told)


def _literal(node: ast.expr) -> Any:
    """The value of an expression that is one; ``None`` for all others."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
