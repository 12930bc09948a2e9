"""``llmcontract verify --contract``: what an application relies on, and which of its tests a change touches.

A provider announces that a field goes: the field's line names the tests that send it. The provider's edition or an SDK
moves on: the lines ``changed`` name the tests that were recorded with what is no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from pytest_llmcontract.core.call.multipart import judged_body
from pytest_llmcontract.core.completion.reported import error_name
from pytest_llmcontract.core.facts.load import edition_on, model_on
from pytest_llmcontract.recordings.cassette import Cassette, Interaction
from pytest_llmcontract.recordings.judge import judge
from pytest_llmcontract.recordings.providers import operation_of, owner

FREE = frozenset({"parameters", "schema", "metadata", "logit_bias", "arguments"})
"""Fields whose value is the application's own: what is in them is no field of the provider's."""


_SDK = "-python"
"""SDKs made with Stainless call themselves so: ``groq-python`` comes in the distribution ``groq``."""


class Use(NamedTuple):
    """One thing that is relied on."""

    provider: str
    operation: str
    kind: str
    """``model``, ``field``, ``error`` or ``client``; ``changed``: it is not any more what it was."""
    name: str


@dataclass
class Summary:
    """What all cassettes together show."""

    edition: date
    """The day with whose facts the recordings are compared."""
    uses: dict[Use, set[str]] = field(default_factory=dict)
    """Each with the tests it is in; a cassette that names no test stands for itself."""

    def add(self, cassette: Cassette) -> None:
        """Take in what *cassette* shows."""
        for interaction in cassette.interactions:
            if provider := owner(interaction.request):
                operation = operation_of(provider, interaction.request.method, interaction.request.path)
                for kind, name in self._shown(provider, interaction):
                    self._note(Use(provider, operation, kind, name), cassette, interaction.recorded_by)
        tests = {interaction.index: interaction.recorded_by for interaction in cassette.interactions}
        then = {(finding.call, finding.message) for finding in judge(cassette).violations}
        for finding in judge(cassette, edition=self.edition).violations:
            # What the recording's own day has found already is no news; of models _changes tells more.
            if finding.code in ("LLM101", "LLM102") and (finding.call, finding.message) not in then:
                use = Use(finding.provider, finding.operation, "changed", finding.message.partition(": ")[2])
                self._note(use, cassette, tests[finding.call or 0])

    def _note(self, use: Use, cassette: Cassette, recorded_by: str) -> None:
        test = recorded_by or (cassette.metadata.test if cassette.metadata else "")
        self.uses.setdefault(use, set()).add(test or str(cassette.path))

    def _shown(self, provider: str, interaction: Interaction) -> Iterator[tuple[str, str]]:
        """Kind and name of everything that one exchange shows."""
        body = judged_body(interaction.request)
        model = body.get("model") if isinstance(body, Mapping) else None
        if isinstance(model, str):
            yield "model", model
            yield from self._of_model(provider, model)
        for path in _fields(body):
            yield "field", path
        if interaction.reply.status >= 400:
            name = error_name(interaction.reply, edition_on(provider, self.edition))
            yield "error", f"{interaction.reply.status} {name or 'unknown'}"
        if client := interaction.request.client:
            yield "client", client
            yield from _of_client(client)

    def _of_model(self, provider: str, name: str) -> Iterator[tuple[str, str]]:
        model = model_on(provider, name, self.edition)
        if model and model.retired:
            yield (
                "changed",
                f"model {name} {'is retired since' if model.retired <= self.edition else 'retires on'} {model.retired}",
            )

    # As output.

    def text(self) -> str:
        """A line for each use, with its tests: made to be searched."""
        return "\n".join(
            f"{use.provider} {use.operation} {use.kind} {use.name}: {', '.join(tests)}" for use, tests in self._sorted()
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "edition": str(self.edition),
            "uses": [{**use._asdict(), "tests": tests} for use, tests in self._sorted()],
        }

    def _sorted(self) -> list[tuple[Use, list[str]]]:
        order = ("model", "field", "error", "client", "changed")
        ordered = sorted(self.uses, key=lambda use: (use.provider, use.operation, order.index(use.kind), use.name))
        return [(use, sorted(self.uses[use])) for use in ordered]


def _fields(value: object, path: str = "") -> Iterator[str]:
    """Every field in *value*, ``messages[].content``; of a list its elements' together."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            here = f"{path}.{name}" if path else str(name)
            yield here
            if name not in FREE:
                yield from _fields(inner, here)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner, f"{path}[]")


def _of_client(client: str) -> Iterator[tuple[str, str]]:
    name, _, version = client.partition(" ")
    installed = _installed(name.removesuffix(_SDK))
    if version and installed and installed != version:
        yield "changed", f"client {client} is now {installed}"


@cache
def _installed(distribution: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except (PackageNotFoundError, ValueError):
        return None
