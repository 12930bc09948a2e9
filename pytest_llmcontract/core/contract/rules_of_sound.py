"""What is wrong with a request for sound, whoever the provider is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pytest_llmcontract.core.contract.request import Breach

if TYPE_CHECKING:
    from pytest_llmcontract.core.facts.records import Model
    from pytest_llmcontract.core.refusal import Refusal


def no_voice(voice: object, model: Model, refusal: Refusal | None) -> Breach:
    """A voice that the model has not, or, without a refusal, is not known to have."""
    doubt = "does not have" if refusal else "is not known to have"
    allowed = ", ".join(map(repr, model.voices))
    return Breach(("voice",), f"is {voice!r}, which {model.id} {doubt}", refusal, allowed, "choose one of its voices")


def unasked_times(body: Mapping[str, Any]) -> Iterator[Breach]:
    """Granularities of times in a reply that has no times: they are ignored."""
    for name in ("timestamp_granularities[]", "timestamp_granularities"):
        if body.get(name) and body.get("response_format") != "verbose_json":
            message = "asks for times, and only verbose_json has any"
            yield Breach((name,), message, None, "nothing, or response_format: verbose_json", "send verbose_json")
