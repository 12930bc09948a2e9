"""Groq's projects: groups of keys of one organization, each with limits on requests of its own.

All keys of an organization share its limits; a project can only have less of them, and only of requests. Source:
Groq's documents on projects. That a refusal reads as the organization's does, and that headers tell of the scarcer of
both, is assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.exchange import key_mark
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.limits.limiter import Limiter
from pytest_llmcontract.core.limits.rules import Rule

Scopes = Mapping[str, Mapping[str, float]]
"""Model, or ``*`` for all, -> kind -> limit."""


class Projects:
    """The projects of an organization.

    Args:
        plan: Gives the organization's plan.
        rule: How a limit counts.
        kinds: Of limits that a project can have.
    """

    def __init__(
        self, edition: Edition, plan: Callable[[], str], rule: Callable[[str, float, float], Rule], kinds: Iterable[str]
    ) -> None:
        self._edition = edition
        self._plan = plan
        self._rule = rule
        self._kinds = tuple(kinds)
        self._by_key: dict[int, Limiter] = {}
        self.limits: dict[str, Scopes] = {}
        """Name -> limits, as they were given."""

    def add(self, name: str, limits: Mapping[str, Any], keys: Iterable[str] | str) -> None:
        """See :meth:`.account.GroqAccount.add_project`."""
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise BadInput(f"add_project({name!r}): accepted is a name, such as 'batch-jobs'")
        if name in self.limits:
            raise BadInput(f"add_project({name!r}): there is one of that name; accepted: another name")
        marks = self._marks(name, [keys] if isinstance(keys, str) else keys)
        scopes = self._at_most_ours(name, self._read(name, limits))
        limiter = Limiter(self._of_model(scopes), self._rule)
        self._by_key.update(dict.fromkeys(marks, limiter))
        self.limits[name] = scopes

    def of_key(self, mark: int) -> Limiter | None:
        """The limits of the project that a key belongs to; ``None``: to none."""
        return self._by_key.get(mark)

    def _marks(self, name: str, keys: Iterable[str]) -> list[int]:
        given = list(keys) if isinstance(keys, Iterable) else []
        if not given or not all(isinstance(key, str) and key for key in given):
            raise BadInput(f"add_project({name!r}, keys={keys!r}): accepted are API keys, such as ['gsk_batch']")
        marks = [key_mark(key) for key in given]
        if not self._by_key.keys().isdisjoint(marks):
            raise BadInput(f"add_project({name!r}): a key belongs to another project; accepted: keys of no project yet")
        return marks

    def _read(self, name: str, limits: Mapping[str, Any]) -> Scopes:
        if not isinstance(limits, Mapping):
            raise BadInput(f"add_project({name!r}, limits={limits!r}): accepted is kind -> limit, {{'RPM': 10}}")
        read: dict[str, dict[str, float]] = {}
        for scope, kinds in self._edition.limits_given(limits):
            for kind, limit in kinds.items():
                if kind not in self._kinds:
                    raise unknown(f"limit of project {name!r}", kind, self._kinds)
                if limit is None:
                    raise BadInput(f"limit {kind} of project {name!r} is None; accepted: a number, or leave it out")
                read.setdefault(scope, {})[kind] = limit
        return read

    def _at_most_ours(self, name: str, scopes: Scopes) -> Scopes:
        for scope, kinds in scopes.items():
            models = self._edition.models if scope == "*" else [scope]
            for kind, limit in kinds.items():
                ours = max((self._ours(model).get(kind, 0) for model in models), default=0)
                if limit > ours:
                    raise BadInput(
                        f"limit {kind} of project {name!r} is {limit:g}; accepted: at most the organization's, {ours:g}"
                    )
        return scopes

    def _ours(self, model: str) -> Mapping[str, float]:
        return self._edition.limits_for(self._plan(), model)

    def _of_model(self, scopes: Scopes) -> Callable[[str], Mapping[str, float]]:
        known: dict[str, Mapping[str, float]] = {}

        def of_model(model: str) -> Mapping[str, float]:
            if model not in known:
                known[model] = {**scopes.get("*", {}), **scopes.get(model, {})}
            return known[model]

        return of_model
