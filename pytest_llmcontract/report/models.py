"""What an edition knows of its models, for ``llmcontract models``: as text in 100 columns and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from pytest_llmcontract.core.errors import unknown
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.records import LIMIT_KINDS, Limits, Model, Prices, Source
from pytest_llmcontract.report.table import aligned

WIDTH = 100
_aligned = partial(aligned, width=WIDTH)
_UNITS = {
    "audio_hour": "an hour",
    "audio_minute": "a minute",
    "million_characters": "1M characters",
    "megapixel": "a megapixel",
    "image": "an image",
    "video": "a video",
}


def models_table(edition: Edition, model: str | None = None) -> str:
    """All models of *edition*, or all there is to say of one.

    Raises:
        BadInput: The edition has no such model.
    """
    if model is not None:
        return _one(edition, _find(edition, model))
    offered, retired = _split(edition)
    numbers = _Numbers(edition)
    parts = [
        f"{edition.provider}, edition {edition.date}: {len(offered)} models. Prices: input / output (cached input), "
        "US dollars\nper million tokens where nothing else is said; * is a preview.",
        _aligned(
            ("model", "context", "output", "price", "", "source"),
            [
                (
                    m.id,
                    _count(m.context),
                    _count(m.max_output),
                    _price(m.prices),
                    _remarks(m),
                    numbers.of(_main_sources(m)),
                )
                for m in offered
            ],
            right={1, 2},
        ),
        "Limits. A model's own go before those of its type, these before those of all.",
        _limits_table(edition, {m.id for m in offered}, numbers),
    ]
    if retired:
        parts.append("No longer offered, and since when:")
        parts.append(_aligned(("model", "", "source"), [_retirement(m, numbers) for m in retired]))
    parts.append("Sources:")
    parts.append(numbers.legend())
    return "\n\n".join(parts) + "\n"


def models_json(edition: Edition, model: str | None = None) -> dict[str, Any]:
    """The same for programs: money as decimal strings, and for every fact the key of its source."""
    chosen = [_find(edition, model)] if model is not None else list(edition.models.values())
    return {
        "provider": edition.provider,
        "edition": str(edition.date),
        "models": [_as_json(edition, m) for m in chosen],
        "sources": {key: source.model_dump(mode="json") for key, source in edition.sources.items()},
    }


def _as_json(edition: Edition, model: Model) -> dict[str, Any]:
    known = model.model_dump(mode="json", exclude_none=True, exclude={"source", "sources"})
    known["capabilities"] = sorted(model.capabilities)
    plans = {plan: edition.limits_for(plan, model.id) for plan in edition.plans}
    origins = {plan: edition.limits_record(plan, model.id) for plan in edition.plans}
    return {
        **known,
        "limits": plans,
        "sources": {
            **{name: model.source_of(name) for name in known},
            "limits": {
                plan: {kind: _limit_source(edition, origins[plan], model.id, kind) for kind in kinds}
                for plan, kinds in plans.items()
            },
        },
    }


def _limit_source(edition: Edition, record: Limits | None, model: str, kind: str) -> str:
    overridden = any(kind in edition.overrides.get(scope, {}) for scope in ("*", model))
    return "user" if overridden or record is None else record.source_of(kind)


def _find(edition: Edition, model: str) -> Model:
    if model not in edition.models:
        raise unknown(f"{edition.provider} model", model, edition.models)
    return edition.models[model]


def _split(edition: Edition) -> tuple[list[Model], list[Model]]:
    """Those on offer by name, and the others by the day they went."""
    gone = [m for m in edition.models.values() if m.retired and m.retired <= edition.date]
    return (
        sorted((m for m in edition.models.values() if m not in gone), key=lambda m: m.id.lower()),
        sorted(gone, key=lambda m: (str(m.retired), m.id.lower())),
    )


# One model


def _one(edition: Edition, model: Model) -> str:
    facts = {
        "type": model.type,
        "owner": model.owner,
        "context": _count(model.context),
        "max_output": _count(model.max_output),
        "input_modalities": ", ".join(model.input_modalities),
        "output_modalities": ", ".join(model.output_modalities),
        "max_images": _count(model.max_images),
        "capabilities": ", ".join(sorted(model.capabilities)),
        "reasoning_efforts": ", ".join(model.reasoning_efforts),
        "prices": _price(model.prices),
        "preview": "yes" if model.preview else "",
        "terms": "an admin has to accept them first" if model.terms else "",
        "serverless": "" if model.serverless else "no: needs a dedicated endpoint",
        "tier": f"Build Tier {model.tier} and above" if model.tier else "",
        "since": str(model.since),
        "retired": str(model.retired or ""),
    }
    rows = []
    for name, value in facts.items():
        first, *more = textwrap.wrap(value, 48) or [""]
        if first:
            rows.append((name.replace("_", " "), first, _cited(edition, model.source_of(name))))
        rows += [("", line, "") for line in more]
    limits = []
    for plan in edition.plans:
        record = edition.limits_record(plan, model.id)
        for kind, limit in edition.limits_for(plan, model.id).items():
            cited = _cited(edition, _limit_source(edition, record, model.id, kind))
            limits.append((plan, kind, _count(limit), cited))
    used = {*_sources(model), *(key for plan in edition.plans for key in _record_sources(edition, plan, model.id))}
    return "\n\n".join(
        [
            f"{model.id}: {edition.provider}, edition {edition.date}",
            _aligned(("", "", "source"), rows),
            _aligned(("plan", "limit", "", "source"), limits, right={2}),
            _legend({key: edition.sources[key] for key in sorted(used)}),
        ]
    ) + "\n"  # fmt: skip


def _cited(edition: Edition, key: str) -> str:
    return f"{key}, {edition.sources[key].read}" if key in edition.sources else key


def _record_sources(edition: Edition, plan: str, model: str) -> set[str]:
    record = edition.limits_record(plan, model)
    return {record.source, *record.sources.values()} if record else set()


# Tables


def _limits_table(edition: Edition, offered: set[str], numbers: _Numbers) -> str:
    records = [record for record in edition.limits if record.model is None or record.model in offered]
    kinds = [kind for kind in LIMIT_KINDS if any(kind in record.limits for record in records)]
    rows = []
    for record in records:
        scope = record.model or (f"any {record.type} model" if record.type else "any other model")
        sources = {record.source, *record.sources.values()}
        rows.append((scope, record.plan, *(_count(record.limits.get(kind)) for kind in kinds), numbers.of(sources)))
    return _aligned(("model", "plan", *kinds, "source"), rows, right=set(range(2, 2 + len(kinds))))


def _retirement(model: Model, numbers: _Numbers) -> tuple[str, str, str]:
    return model.id, str(model.retired), numbers.of({model.source_of("retired")})


def _remarks(model: Model) -> str:
    remarks = []
    if model.retired:
        remarks.append(f"until {model.retired}")
    if not model.serverless:
        remarks.append("dedicated")
    if model.tier:
        remarks.append(f"tier {model.tier}")
    return ", ".join(remarks) + " *" * model.preview


def _price(prices: Prices) -> str:
    if prices.input is not None or prices.output is not None:
        both = " / ".join(_money(price) for price in (prices.input, prices.output))
        return both + (f" ({_money(prices.cached_input)})" if prices.cached_input is not None else "")
    return ", ".join(f"{_money(price)} {unit}" for name, unit in _UNITS.items() if (price := getattr(prices, name)))


def _money(price: Any) -> str:
    return "-" if price is None else f"{price:f}"


def _count(number: float | None) -> str:
    """``131072``, ``14.4K``, ``0.6``; empty for ``None``. Round thousands are shortened."""
    if number is None:
        return ""
    for size, letter in ((10**6, "M"), (10**3, "K")):
        if number >= size and number * 10 % size == 0:
            return f"{number / size:g}{letter}"
    return f"{number:g}" if number < 10**6 else str(int(number))


def _main_sources(model: Model) -> set[str]:
    """Those of the model itself, its price and its retirement; the view of one model has all."""
    facts = {"prices": model.prices != Prices(), "retired": model.retired}
    return {model.source, *(model.source_of(name) for name, known in facts.items() if known)}


def _sources(model: Model) -> set[str]:
    return {model.source, *model.sources.values()}


class _Numbers:
    """Short numbers for the sources that a table names."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition
        self._known: dict[str, int] = {}

    def of(self, keys: Iterable[str]) -> str:
        numbers = [self._known.setdefault(key, len(self._known) + 1) for key in sorted(keys)]
        return ",".join(map(str, sorted(numbers)))

    def legend(self) -> str:
        return _legend({str(number): self._edition.sources[key] for key, number in self._known.items()})


def _legend(sources: Mapping[str, Source]) -> str:
    width = max((len(key) for key in sources), default=0)
    lines = []
    for key, source in sources.items():
        text = f"{source.kind} {source.read}: {source.what}" + (f" ({source.note})" if source.note else "")
        indent = " " * (width + 2)
        lines.append(textwrap.fill(f"{key:<{width}}  {text}", WIDTH, subsequent_indent=indent, break_on_hyphens=False))
    return "\n".join(lines)
