"""Reads the files of provider facts, ``providers/<name>/*.json``, and puts an edition together.

A provider's folder is one timeline of facts, not a copy a date. A record may say ``since`` (first day it was true)
and ``until`` (first day it was not); an edition is what held on its day.

``api.json``      title, hosts, base path, operations, order of the steps, plans, keys, headers that tell limits
``editions.json`` the days an edition is offered for, each with what speaks for it
``models.json``   one model a line; what changed about it later is under ``changes``
``limits.json``   one plan and model (or type of model) a line
``errors.json``   the error catalogue
``refusals.json`` which error refuses for which reason
``lanes.json``    service tiers; not every provider has them
``tools.json``    prices of built-in tools; likewise
``engines.json``  what shows of the software behind some models, the first that fits goes; likewise
``machines.json`` what dedicated endpoints run on, and what that costs; likewise
``training.json`` what fine-tuning costs; likewise
``dialect.json``  switches, texts and figures, each with ``what`` it means; likewise
``ids.json``      how ids are told to be its own, and which models have gone (:mod:`.lifecycle`); likewise
``sources.json``  what the ``source`` of every record above stands for
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date as Date  # noqa: N812  as in the data files
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from pytest_llmcontract.core.errors import BadInput, DataError
from pytest_llmcontract.core.facts.dialect import Dialect
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.overlay import SOURCE, forgets, overlay_file, overlay_of, records_of
from pytest_llmcontract.core.facts.records import (
    Dated,
    Engine,
    ErrorSpec,
    Fact,
    Lane,
    Limits,
    Machine,
    Model,
    RefusalRow,
    Source,
    ToolPrice,
    TrainingPrice,
)
from pytest_llmcontract.core.facts.registry import edition_days, provider_folder
from pytest_llmcontract.core.provider import provider_called

Record = TypeVar("Record", bound=Fact)
Named = TypeVar("Named", ErrorSpec, Lane, ToolPrice)


# Providers and their editions


def load_edition(provider: str, when: Date | str | None = None) -> Edition:
    """What was true of *provider* on the day of its newest edition not after *when* (default: the newest).

    Raises:
        BadInput: No such provider, *when* is no date, or it lies before the first edition.
        DataError: A file of facts is broken.
    """
    return _load(provider_folder(provider), provider, edition_date(provider, when))


@forgets
@cache
def _load(folder: Path, provider: str, day: Date) -> Edition:
    return assemble(folder, provider, day)


@forgets
@cache
def edition_on(provider: str, day: Date) -> Edition:
    """What was true on *day* itself, also between two editions and before the first, where facts go that far back."""
    return _load(provider_folder(provider), provider, day)


@forgets
@cache
def model_on(provider: str, id: str, day: Date) -> Model | None:
    """One model as it was on *day*, retired or not yet offered included; ``None`` if nobody has heard of it."""
    folder = provider_folder(provider)
    file = folder / "models.json"
    record = _model_records(file, provider).get(id)
    if record is None:
        return None
    sources = _sources(folder / "sources.json", provider)
    return _validated(file, Model, _as_of(file, record, day, sources), record=id)


@forgets
@cache
def _model_records(file: Path, provider: str) -> dict[str, dict[str, Any]]:
    return {record["id"]: record for record in _overlaid(read_json(file), provider)}


def _overlaid(records: list[dict[str, Any]], provider: str) -> list[dict[str, Any]]:
    """Our records of models, each with what the overlay says otherwise, and those that it adds."""
    own = {record["id"]: record for record in records_of(provider, "models")}
    for gone in records_of(provider, "gone"):
        own[gone["id"]] = {"source": SOURCE, **own.get(gone["id"], {}), "id": gone["id"], "retired": gone["on"]}
    if not own:
        return records
    known = {record["id"] for record in records if "id" in record}
    laid = [_laid(record, own[record["id"]]) if record.get("id") in own else record for record in records]
    return laid + [
        record for id, record in own.items() if id not in known and record.keys() - {"id", "source", "retired"}
    ]


def _laid(record: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in own.items() if key not in ("id", "source")}
    sources = {**record.get("sources", {}), **dict.fromkeys(given, own["source"])}
    return {**record, **given, "sources": sources}


@cache
def error_history(provider: str) -> tuple[ErrorSpec, ...]:
    """Every entry of the error catalogue, of whatever day."""
    return tuple(_records(provider_folder(provider) / "errors.json", ErrorSpec))


@cache
def last_days(provider: str) -> tuple[Date, ...]:
    """The last day of every error text and switch that has changed since, oldest first."""
    folder = provider_folder(provider)
    dated: Iterable[Dated] = (*error_history(provider), *_some_records(folder / "dialect.json", DialectRow))
    return tuple(sorted({record.until - timedelta(days=1) for record in dated if record.until}))


def edition_with_plan(provider: str, plan: str | None, when: Date | str | None = None) -> Edition:
    """As :func:`load_edition`; without *when*, the newest edition that has *plan*.

    Raises:
        BadInput: The edition of *when* does not have the plan.
    """
    if when is not None or plan is None:
        edition = load_edition(provider, when)
        if plan is not None and not edition.has_plan(plan) and plan in plan_names(provider):
            newest = edition_with_plan(provider, plan).date
            raise BadInput(
                f"the {provider} edition of {edition.date} has no plan {plan}: the newest that has it is {newest}; "
                f"accepted there: {', '.join(edition.plans)}"
            )
        return edition
    days = reversed(edition_dates(provider))
    found = (edition for day in days if (edition := load_edition(provider, day)).has_plan(plan))
    return next(found, None) or load_edition(provider)


@cache
def plan_names(provider: str) -> tuple[str, ...]:
    """Every plan of *provider* that one can or could choose, of whatever edition."""
    folder = provider_folder(provider)
    listed = _validated(folder / "api.json", Api, read_json(folder / "api.json")).plans
    return tuple(dict.fromkeys((*listed, *(record.plan for record in _records(folder / "limits.json", Limits)))))


def edition_date(provider: str, when: Date | str | None = None) -> Date:
    """The date of the edition that *when* means; see :func:`load_edition`."""
    known = edition_dates(provider)
    day = known[-1] if when is None else parsed_date(when)
    earlier = [date for date in known if date <= day]
    if not earlier:
        names = ", ".join(map(str, known))
        raise BadInput(f"no {provider} edition is as old as {day}; the first is {known[0]} (editions: {names})")
    return earlier[-1]


def edition_dates(provider: str) -> tuple[Date, ...]:
    """The dates of all editions, oldest first."""
    return edition_days(provider)


def parsed_date(when: Date | str, what: str = "edition") -> Date:
    """The day that *when* names.

    Args:
        what: What to call it in a message.

    Raises:
        BadInput: It is no date.
    """
    if isinstance(when, Date):
        # A datetime is a date too, but does not compare with one.
        return Date(when.year, when.month, when.day)
    try:
        day = Date.fromisoformat(when)
        if str(day) != when:  # 20260604 and 2026-W23-4 are ISO dates as well
            raise ValueError
        return day
    except (TypeError, ValueError):
        raise BadInput(f"{what} {when!r} is no date; expected YYYY-MM-DD, such as 2026-06-04") from None


# Files


class EditionDay(Fact):
    """A line of ``editions.json``."""

    date: Date
    note: str
    source: str


class LimitHeader(Fact):
    """What a rate-limit header tells."""

    kind: str
    times: int = 1
    """What its number is multiplied by, to be units a window."""


class Api(Fact):
    """``api.json``; :mod:`.registry` reads some of it without pydantic."""

    title: str
    """What people call the provider."""
    keys: tuple[str, ...]
    """The environment variables that clients read its key from, the usual one first."""
    addresses: tuple[str, ...] = ()
    """Those that clients read another address from; without any, ``NAME_BASE_URL``."""
    limit_headers: dict[str, LimitHeader]
    """Header -> the limit that it tells."""
    hosts: tuple[str, ...]
    base: str
    operations: dict[str, str]
    since: dict[str, Date] = Field(default_factory=dict)
    """Operation -> the first day on which there was an address of it; the others were always there."""
    path: tuple[str, ...]
    plans: tuple[str, ...]
    source: str
    sources: dict[str, str] = Field(default_factory=dict)


class DialectRow(Dated):
    """A line of ``dialect.json``."""

    key: str
    value: Any
    what: str
    source: str


def assemble(folder: Path, provider: str, day: Date) -> Edition:
    """The edition of *day* from the files in *folder*.

    Raises:
        DataError: A file is missing or broken, or a record does not fit. The message names file, record and key.
    """
    sources = _sources(folder / "sources.json", provider)
    api = _validated(folder / "api.json", Api, read_json(folder / "api.json"))
    models = _models(folder / "models.json", provider, day, sources)
    limits = [record for record in _records(folder / "limits.json", Limits) if record.holds_on(day)]
    errors = _unique(folder / "errors.json", _records(folder / "errors.json", ErrorSpec), day)
    refusals = [row for row in _records(folder / "refusals.json", RefusalRow) if row.holds_on(day)]
    lanes = _unique(folder / "lanes.json", _some_records(folder / "lanes.json", Lane), day)
    tools = _unique(folder / "tools.json", _some_records(folder / "tools.json", ToolPrice), day)
    engines = [engine for engine in _some_records(folder / "engines.json", Engine) if engine.holds_on(day)]
    machines = [machine for machine in _some_records(folder / "machines.json", Machine) if machine.holds_on(day)]
    training = [price for price in _some_records(folder / "training.json", TrainingPrice) if price.holds_on(day)]
    rows = _some_records(folder / "dialect.json", DialectRow)
    dialect = _dialect(folder / "dialect.json", rows, day, provider_called(provider).dialect)
    _check_limits(folder / "limits.json", limits, day)
    for file, records in {
        "api.json": [api], "models.json": models.values(), "limits.json": limits, "errors.json": errors.values(),
        "refusals.json": refusals, "lanes.json": lanes.values(), "tools.json": tools.values(),
        "engines.json": engines, "dialect.json": rows, "machines.json": machines, "training.json": training,
    }.items():  # fmt: skip
        _check_sources(folder / file, records, sources)
    return _validated(
        folder,
        Edition,
        {
            "provider": provider, "date": day, "models": models, "limits": limits, "errors": errors, "tools": tools,
            "refusals": refusals, "lanes": lanes, "dialect": dialect, "engines": engines, "sources": sources,
            "machines": machines, "training": training,
            "operations": {line: name for line, name in api.operations.items() if api.since.get(name, day) <= day},
            **api.model_dump(include={"hosts", "base", "path"}),
            "plans": [plan for plan in api.plans if any(record.plan == plan for record in limits)],
        },
    )  # fmt: skip


def _sources(file: Path, provider: str) -> dict[str, Source]:
    sources = {key: _validated(file, Source, value, record=key) for key, value in read_json(file).items()}
    if facts := overlay_of(provider):
        sources[SOURCE] = Source(what=str(overlay_file()), read=facts["read"], kind="given")
    return sources


def _models(file: Path, provider: str, day: Date, sources: Mapping[str, Source]) -> dict[str, Model]:
    """The models known on *day*: those offered by then, retired ones included, with what had changed by then."""
    records = [_as_of(file, record, day, sources) for record in _overlaid(read_json(file), provider)]
    models = _validate_records(overlay_file() if overlay_of(provider) else file, Model, records)
    seen: dict[str, Model] = {}
    for model in models:
        if model.id in seen:
            raise DataError(f"{_short(file)}: record {model.id!r} is there twice")
        seen[model.id] = model
    return {id: model for id, model in seen.items() if model.since <= day}


def _as_of(file: Path, record: dict[str, Any], day: Date, known: Mapping[str, Source]) -> dict[str, Any]:
    """A model record with those of its ``changes`` that had come about by *day*, and which fields are guesses."""
    now = {key: value for key, value in record.items() if key != "changes"}
    sources = dict(now.get("sources", {}))
    for change in record.get("changes", ()):
        fields = {key: value for key, value in change.items() if key not in {"on", "source"}}
        if stray := fields.keys() - Model.model_fields.keys():
            raise DataError(f"{_short(file)}: record {record.get('id')!r}: changes: unknown key {min(stray)!r}")
        if _change_day(file, record, change) <= day:
            now |= fields
            sources |= dict.fromkeys(fields, change["source"])
    return {**now, "sources": sources, "assumed": _guessed(now, sources, known)}


def _guessed(record: Mapping[str, Any], sources: Mapping[str, str], known: Mapping[str, Source]) -> list[str]:
    """The fields of a model record whose source is a guess."""

    def is_guess(key: str) -> bool:
        return key in known and known[key].kind == "assumed"

    usual = [name for name in record if name not in sources] if is_guess(record.get("source", "")) else []
    return [*usual, *(name for name, key in sources.items() if is_guess(key))]


def _change_day(file: Path, record: dict[str, Any], change: dict[str, Any]) -> Date:
    try:
        return Date.fromisoformat(change["on"])
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{_short(file)}: record {record.get('id')!r}: changes: 'on' is no date") from None


def _unique(file: Path, records: Iterable[Named], day: Date) -> dict[str, Named]:
    found: dict[str, Named] = {}
    for record in records:
        if record.holds_on(day):
            if record.name in found:
                raise DataError(f"{_short(file)}: record {record.name!r} is there twice on {day}")
            found[record.name] = record
    return found


def _dialect(file: Path, rows: Iterable[DialectRow], day: Date, kind: type[Dialect]) -> Dialect:
    values: dict[str, Any] = {}
    for row in rows:
        if row.key not in kind.model_fields:
            known = ", ".join(kind.model_fields)
            raise DataError(f"{_short(file)}: record {row.key!r}: no such switch; known: {known}")
        if not row.holds_on(day):
            continue
        if row.key in values:
            raise DataError(f"{_short(file)}: record {row.key!r} is there twice on {day}")
        values[row.key] = row.value
    return _validated(file, kind, values)


def _check_limits(file: Path, limits: Iterable[Limits], day: Date) -> None:
    seen = set()
    for record in limits:
        place = (record.plan, record.model, record.type)
        if place in seen:
            raise DataError(f"{_short(file)}: record {_name(record.model_dump())!r} is there twice on {day}")
        seen.add(place)


def _check_sources(file: Path, records: Iterable[Any], sources: Mapping[str, Source]) -> None:
    for record in records:
        for key in (record.source, *getattr(record, "sources", {}).values()):
            if key not in sources:
                raise DataError(
                    f"{_short(file)}: record {_name(record.model_dump())!r}: no source {key!r} in sources.json"
                )


def _records(file: Path, kind: type[Record]) -> list[Record]:
    return _validate_records(file, kind, read_json(file))


def _some_records(file: Path, kind: type[Record]) -> list[Record]:
    """Those of a file that not every provider has."""
    return _records(file, kind) if file.exists() else []


def _validate_records(file: Path, kind: type[Record], records: list[Any]) -> list[Record]:
    try:
        return _adapter(kind).validate_python(records)
    except ValidationError as error:
        place = error.errors(include_url=False)[0]["loc"]
        record = records[place[0]] if place and isinstance(place[0], int) else {}
        raise DataError(f"{_short(file)}: record {_name(record)!r}: {_problem(error, skip=1)}") from None


@cache
def _adapter(kind: type[Record]) -> TypeAdapter[list[Record]]:
    return TypeAdapter(list[kind])  # type: ignore[valid-type]


def _validated(file: Path, kind: type[Record], value: Any, *, record: str = "") -> Record:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        place = f" record {record!r}:" if record else ""
        raise DataError(f"{_short(file)}:{place} {_problem(error)}") from None


def _problem(error: ValidationError, *, skip: int = 0) -> str:
    problem = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in problem["loc"][skip:])
    if problem["type"] == "extra_forbidden":
        return f"unknown key {key!r}"
    if problem["type"] == "missing":
        return f"key {key!r} is missing"
    return f"{key}: {problem['msg']}" if key else str(problem["msg"])


def read_json(file: Path) -> Any:
    """A file of facts.

    Raises:
        DataError: It is not there, or no JSON.
    """
    try:
        return json.loads(file.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{_short(file)}: no such file") from None
    except ValueError as error:
        raise DataError(f"{_short(file)}: no JSON: {error}") from None


def _name(record: Any) -> str:
    """What to call a record in a message: ``openai/gpt-oss-20b``, ``free chat``."""
    if not isinstance(record, dict):
        return str(record)[:40]
    name = next((record[key] for key in ("id", "name", "key", "date") if key in record), "")
    place = (record.get(key) for key in ("plan", "model", "type"))
    return str(name or " ".join(part for part in place if isinstance(part, str)))[:80]


def _short(file: Path) -> str:
    """``groq/models.json``: enough to find it, the same on every machine."""
    return f"{file.parent.name}/{file.name}"
