"""What calls cost at list price, in US dollars, exactly: of one call, and of a workload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812  Cost has a field edition
from decimal import Context, Decimal, Inexact, localcontext
from typing import Any

from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.facts.numbers import exact_number
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.money.prices import token_cost


@dataclass(frozen=True)
class Line:
    """One line of a bill."""

    name: str
    amount: Decimal
    unit: str
    price: Decimal
    """US dollars for one ``per``, before a batch discount."""
    per: str
    factor: Decimal
    """0.5 in a batch, else 1."""
    cost: Decimal


@dataclass(frozen=True)
class Cost:
    """The answer of :func:`cost`."""

    cost: Decimal
    """US dollars."""
    lines: tuple[Line, ...]
    edition: Date
    provider: str
    model: str
    notes: tuple[str, ...]

    @property
    def parts(self) -> dict[str, Decimal]:
        """What of it falls to ``input``, ``cached_input``, ``output``, ``audio`` …"""
        return {line.name: line.cost for line in self.lines}

    def as_json(self) -> dict[str, Any]:
        """What ``llmcontract cost --json`` prints: money as decimal strings."""
        return {
            "cost": money_text(self.cost),
            "parts": {name: money_text(part) for name, part in self.parts.items()},
            "edition": str(self.edition),
        }


def money_text(amount: Decimal) -> str:
    """With every digit it has, and at least the cents: ``27.00``, ``0.0154``."""
    whole, _, rest = f"{amount:f}".partition(".")
    return f"{whole}.{rest.rstrip('0').ljust(2, '0')}"


def cost(
    provider: str,
    model: str,
    *,
    input_tokens: object = 0,
    cached_tokens: object = 0,
    output_tokens: object = 0,
    audio_hours: object = 0,
    characters: object = 0,
    images: object = 0,
    megapixels: object = 0,
    videos: object = 0,
    tools: Mapping[str, object] | None = None,
    batch: bool = False,
    edition: Date | str | None = None,
) -> Cost:
    """What a workload costs at list price. Numbers may be text, ``"10M"``; the arithmetic is decimal and exact.

    Args:
        input_tokens: The cached ones included.
        cached_tokens: How many of them the provider has cached; they cost less where the model has such a price.
        characters: Of text, for models that speak.
        tools: Built-in tools by name: requests, or hours for a tool that is priced by the hour.
        batch: Through the Batch API: half the list price for every token, cached or not (the discounts do not
            stack), and for audio; of Together only for the models that have it. Tools cost the same.
        edition: The day whose prices hold; default the newest.

    Raises:
        BadInput: Something is not known, no such number, or the model has no such price; the message lists what is.
    """
    facts = load_edition(provider, edition)
    known = facts.model(model)
    tokens = Usage(
        _whole("input_tokens", input_tokens),
        _whole("output_tokens", output_tokens),
        _whole("cached_tokens", cached_tokens),
    )
    if tokens.cached_tokens > tokens.input_tokens:
        raise BadInput(f"cached_tokens is {cached_tokens}, more than input_tokens, {input_tokens}, of which they are")
    wanted = {
        "audio": _amount("audio_hours", audio_hours),
        "characters": _amount("characters", characters),
        "images": _amount("images", images),
        "megapixels": _amount("megapixels", megapixels),
        "videos": _amount("videos", videos),
    }
    factor = _batch_factor(facts, model, wanted) if batch else Decimal(1)
    with localcontext(Context(prec=80, traps=[Inexact])):
        lines = (
            *_token_lines(facts, known, tokens, factor),
            *_other_lines(facts, known, wanted, factor),
            *_tool_lines(facts, tools or {}),
        )
        total = sum((line.cost for line in lines), Decimal(0))
    return Cost(total, lines, facts.date, provider, model, tuple(_notes(facts, known, tokens, batch, factor)))


def _token_lines(facts: Edition, model: Model, tokens: Usage, factor: Decimal) -> Iterator[Line]:
    """Each kind of token apart, by the arithmetic of a call. A batch knows no cached price."""
    prices = model.prices if factor == 1 else model.prices.model_copy(update={"cached_input": None})
    cached_price = prices.input if prices.cached_input is None else prices.cached_input
    kinds = (
        ("input", Usage(tokens.input_tokens - tokens.cached_tokens), prices.input),
        ("cached_input", Usage(tokens.cached_tokens, 0, tokens.cached_tokens), cached_price),
        ("output", Usage(0, tokens.output_tokens), prices.output),
    )
    for name, usage, price in kinds:
        if usage.total_tokens:
            per_million = _known(facts, model, f"{name} tokens".replace("_", " "), price)
            amount = Decimal(usage.total_tokens)
            spent = token_cost(prices, usage) * factor
            yield Line(name, amount, "tokens", per_million, "1M", factor, spent)


def _other_lines(facts: Edition, model: Model, wanted: Mapping[str, Decimal], factor: Decimal) -> Iterator[Line]:
    prices = model.prices
    per_hour = prices.audio_hour
    if per_hour is None and prices.audio_minute is not None:
        per_hour = prices.audio_minute * 60
    units = {
        "audio": ("hours", per_hour, "hour", 1),
        "characters": ("characters", prices.million_characters, "1M", 1_000_000),
        "images": ("images", prices.image, "image", 1),
        "megapixels": ("megapixels", prices.megapixel, "megapixel", 1),
        "videos": ("videos", prices.video, "video", 1),
    }
    for name, (unit, price, per, size) in units.items():
        if amount := wanted[name]:
            known = _known(facts, model, name, price)
            yield Line(name, amount, unit, known, per, factor, amount * known * factor / size)


def _tool_lines(facts: Edition, tools: Mapping[str, object]) -> Iterator[Line]:
    for name, count in tools.items():
        if name not in facts.tools:
            if not facts.tools:
                raise BadInput(f"tool {name!r} has no price: no built-in tool of {facts.provider} has one that we know")
            raise unknown(f"{facts.provider} tool", name, facts.tools, where=f"edition {facts.date}")
        amount, tool = _amount(f"tool {name}", count), facts.tools[name]
        if tool.thousand_requests is not None:
            spent = amount * tool.thousand_requests / 1000
            yield Line(name, amount, "requests", tool.thousand_requests, "1K", Decimal(1), spent)
        elif tool.hour is not None:
            yield Line(name, amount, "hours", tool.hour, "hour", Decimal(1), amount * tool.hour)


def _known(facts: Edition, model: Model, what: str, price: Decimal | None) -> Decimal:
    if price is None:
        prices = ", ".join(
            f"{_PRICED[name]} ${money_text(known)}"
            for name in _PRICED
            if (known := getattr(model.prices, name)) is not None
        )
        raise BadInput(
            f"{model.id} has no price for {what} in {facts.provider}'s edition {facts.date}; known: {prices or 'none'}"
        )
    return price


_PRICED = {
    "input": "1M input tokens",
    "cached_input": "1M cached input tokens",
    "output": "1M output tokens",
    "audio_hour": "an audio hour",
    "audio_minute": "an audio minute",
    "million_characters": "1M characters",
    "image": "an image",
    "megapixel": "a megapixel",
    "video": "a video",
}


def _batch_factor(facts: Edition, model: str, wanted: Mapping[str, Decimal]) -> Decimal:
    """Groq's batches take chat and transcription only, Together's likewise.

    Source: the providers' batch documentation (``batch`` in ``lanes.json``).
    """
    lane = facts.lanes.get("batch")
    if lane is None:
        raise BadInput(f"{facts.provider}'s edition {facts.date} knows no batch price")
    if other := [name for name, amount in wanted.items() if amount and name != "audio"]:
        raise BadInput(f"a batch takes tokens and audio, not {', '.join(other)}")
    return lane.price_of(model)


def _whole(name: str, value: object) -> int:
    amount = _amount(name, value)
    if amount != int(amount):
        raise BadInput(f"{name} is {value!r}; expected a whole number")
    return int(amount)


def _amount(name: str, value: object) -> Decimal:
    amount = exact_number(value, what=name)
    if amount < 0:
        raise BadInput(f"{name} is {value!r}; expected a number from 0")
    return amount


def _notes(facts: Edition, model: Model, tokens: Usage, batch: bool, factor: Decimal) -> Iterator[str]:
    if model.is_retired(facts.date):
        yield f"{model.id} is retired since {model.retired}: it does not answer any more"
    if batch and factor == 1:
        yield f"a batch of {model.id} costs what live calls cost"
    if not tokens.cached_tokens:
        return
    if factor < 1:
        yield "a batch costs the same with cached tokens: the discounts do not stack"
    elif model.prices.cached_input is None:
        yield f"no cached price of {model.id} is known: cached tokens cost as much as other input"
