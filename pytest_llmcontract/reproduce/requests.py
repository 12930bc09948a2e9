"""Requests that meet an error: as small as they can be, as large as they must."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.reproduce.scenario import TOKENS, Request

WORD = "word "
USUAL_ANSWER = 500
"""Tokens of completion that a request asks for, where its prompt can make up for the rest."""
LONGEST = 400_000
"""Words of a prompt; what needs more is not asked for but given to ``fail()``."""

_OPERATIONS = {
    "transcribe": "audio.transcriptions",
    "audio": "audio.speech",
    "image": "images.generations",
    "embedding": "embeddings",
    "rerank": "rerank",
}
CHATS = ("chat", "language", "code")


def chat(model: str, content: Any = "Hello", **fields: Any) -> dict[str, Any]:
    """The body of a small chat."""
    return {"model": model, "messages": [{"role": "user", "content": content}], **fields}


def usual_request(model: str, kind: str = "chat") -> Request:
    """A call that a model of that type answers."""
    match kind:
        case "transcribe":
            return Request("audio.transcriptions", {"model": model}, audio_seconds=10)
        case "audio":
            return Request("audio.speech", {"model": model, "input": "Hello", "voice": "austin"})
        case "image":
            return Request("images.generations", {"model": model, "prompt": "A red apple."})
        case "embedding":
            return Request("embeddings", {"model": model, "input": "Hello"})
        case "rerank":
            return Request("rerank", {"model": model, "query": "Hello", "documents": ["Hello", "Goodbye"]})
    return Request(body=chat(model))


def answers(model: Model | None, day: date) -> bool:
    """Whether the model is offered on *day*."""
    return model is not None and model.since <= day and not model.is_retired(day)


def fitting_models(edition: Edition, fits: Callable[[Model], bool]) -> list[Model]:
    """The models that are offered and fit, those that are no previews first."""
    models = [model for model in edition.models.values() if answers(model, edition.date) and fits(model)]
    return sorted(models, key=lambda model: (model.preview, model.tier, not model.serverless, -len(model.capabilities)))


def default_model(edition: Edition, fits: Callable[[Model], bool] = lambda model: model.type in CHATS) -> str:
    """A model to ask where the text names none; ``your-model`` if nothing fits."""
    return next((model.id for model in fitting_models(edition, lambda m: m.serverless and fits(m))), "your-model")


def with_model(edition: Edition, id: str, **fields: Any) -> dict[str, dict[str, Any]]:
    """What ``models=`` must say so that *id* answers on the edition's day and has *fields*; empty if nothing."""
    known = edition.models.get(id)
    missing = {name: value for name, value in fields.items() if known is None or getattr(known, name) != value}
    if known is None or known.since > edition.date:
        return {id: missing if known is None else {**missing, "since": str(edition.date)}}
    if known.is_retired(edition.date):
        missing["retired"] = None
    return {id: missing} if missing else {}


@dataclass(frozen=True)
class Sized:
    """A chat that counts as much as it should."""

    body: Mapping[str, Any]
    fields: Mapping[str, Any]
    """What the model must be able to take for it."""


def sized(
    weigh: Callable[[Mapping[str, Any]], Mapping[str, float]], model: Model, kind: str, amount: int
) -> Sized | None:
    """A chat with *model* that asks *amount* of the limit *kind*; ``None`` if there is none.

    Args:
        weigh: What a body asks of each limit.
    """
    if kind == "OTPM":
        most = model.max_output
        return _fitted(
            chat(model.id, max_tokens=amount), model, {"max_output": amount} if most and most < amount else {}
        )
    if kind == "ITPM":
        body = _exact(lambda content: weigh(chat(model.id, content))[kind], model.id, amount)
        return None if body is None else _fitted(body, model, {})
    largest = min(model.max_output or amount, amount)
    for words in (0, *_guesses(lambda n: weigh(chat(model.id, filler(n)))[kind], amount - min(largest, USUAL_ANSWER))):
        content = filler(words)
        rest = amount - int(weigh(chat(model.id, content))[kind]) + 1
        if rest == 1:
            return _fitted(chat(model.id, content), model, {})
        if 1 < rest <= largest:
            return _fitted(chat(model.id, content, max_tokens=rest), model, {})
    return None


def prompt_of(model: str, tokens: int) -> Mapping[str, Any] | None:
    """A chat whose prompt is estimated at exactly that many tokens."""
    return _exact(lambda content: TOKENS.prompt(chat(model, content), model), model, tokens)


def filler(words: int) -> str:
    """A prompt of so many words."""
    return WORD * words or "Hello"


def _guesses(weigh: Callable[[int], float], amount: float) -> list[int]:
    """Numbers of words that weigh about *amount*, ever better."""
    low, guesses = weigh(0), []
    words, weight = 1000, weigh(1000)
    for _ in range(4):
        if weight <= low:
            break
        words = max(0, round(words * (amount - low) / (weight - low)))
        if words > LONGEST or not words:
            break
        guesses.append(words)
        weight = weigh(words)
    return guesses


def _exact(weigh: Callable[[str], float], model: str, amount: int) -> Mapping[str, Any] | None:
    for guess in (1, *_guesses(lambda n: weigh(filler(n)), amount)):
        for words in range(guess, max(0, guess - 4), -1):
            for pad in ("", "a", "word", "wordy word", "a b", "a b c"):
                if weigh(filler(words) + pad) == amount:
                    return chat(model, filler(words) + pad)
    return None


def _fitted(body: Mapping[str, Any], model: Model, fields: dict[str, Any]) -> Sized:
    """*body*, and a context of the model that holds it."""
    total = TOKENS.prompt(body, model.id) + body.get("max_tokens", 0)
    if model.context is not None and total > model.context:
        fields["context"] = total
    return Sized(body, fields)
