"""What is known of a provider on one day: an edition, assembled by ``core/data.py`` from ``providers/<name>/*.json``.

Every fact in the data names its source and the day it was read; a key this module does not know stops the load.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date as Date  # noqa: N812  Edition has a field of that name
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.words import shortened

LIMIT_KINDS: dict[str, float] = {
    "RPM": 60, "RPD": 86400, "TPM": 60, "TPD": 86400, "ITPM": 60, "OTPM": 60, "ASH": 3600, "ASD": 86400,
}  # fmt: skip
"""Every kind of limit and its window in seconds, in the order in which the first exceeded one is named."""

AUDIO_KINDS = frozenset({"ASH", "ASD"})
TOKEN_KINDS = frozenset({"TPM", "TPD", "ITPM", "OTPM"})

STEPS = ("route", "key", "contract", "account", "model", "size", "limiter", "capacity", "answer")
"""Every step of a call that may answer it. A provider's order is :attr:`Edition.path`."""

ModelType = Literal[
    "chat", "language", "code", "image", "audio", "transcribe", "embedding", "rerank", "moderation", "video"
]
"""Together's words; ``audio`` speaks, ``transcribe`` listens."""

ModelRule = Literal["stream_only", "json_schema_wrapped", "no_system_with_images"]
"""What single models insist on: a stream; ``json_schema`` within a ``response_format`` of that type; pictures alone,
without a message of the system."""

Capability = Literal["tools", "json_object", "json_schema", "reasoning", "system", "prompt_cache"]


class Fact(BaseModel):
    """A record of the data files: immutable, and every key known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Dated(Fact):
    """A record that was true for a while."""

    since: Date | None = None
    """First day; ``None``: before anything we know."""
    until: Date | None = None
    """First day it was no longer true; ``None``: still is, as far as known."""

    def holds_on(self, day: Date) -> bool:
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


class Source(Fact):
    """Where facts come from."""

    what: str
    read: Date
    """The day somebody looked."""
    kind: Literal["recorded", "documented", "pasted", "assumed", "given"]
    """From a recorded exchange, the provider's documents, an error somebody pasted, our guess, the user."""
    note: str = ""


class Prices(Fact):
    """US dollars. Token prices are per million tokens; absent means unknown or not applicable."""

    input: Decimal | None = None
    cached_input: Decimal | None = None
    output: Decimal | None = None
    audio_hour: Decimal | None = None
    audio_minute: Decimal | None = None
    million_characters: Decimal | None = None
    megapixel: Decimal | None = None
    image: Decimal | None = None
    video: Decimal | None = None


class Model(Fact):
    """One model as the provider lists it."""

    id: str
    type: ModelType
    owner: str
    name: str = ""
    """For people, ``Llama 3.3 70B``; Together's ``display_name``."""
    created: int = 0
    """Unix seconds, as the models list has it."""
    context: int | None = None
    max_output: int | None = None
    input_modalities: tuple[str, ...] = ("text",)
    output_modalities: tuple[str, ...] = ("text",)
    capabilities: frozenset[Capability] = frozenset()
    rules: frozenset[ModelRule] = frozenset()
    """What it was seen to insist on."""
    reasoning_efforts: tuple[str, ...] = ()
    """Accepted values of ``reasoning_effort``, where they are known."""
    max_images: int | None = None
    prices: Prices = Prices()
    preview: bool = False
    terms: bool = False
    """Groq: an admin has to accept terms first. Assumed done, as for a test's own account."""
    serverless: bool = True
    """Together: listed, but answered only with a dedicated endpoint, when false."""
    third_party: bool = False
    """Together: hosted by somebody else; its replies carry no rate-limit headers."""
    tier: int = 0
    """Together: the lowest Build Tier that may use it."""
    since: Date
    """First day it was offered, as far as known."""
    retired: Date | None = None
    """First day it no longer answers."""
    kept_for_some: bool = False
    """Groq: retired for most, enterprises still have it; to the others it is as if it had never been."""
    source: str
    sources: Mapping[str, str] = Field(default_factory=dict)
    """Source of single fields that are not from ``source``: ``{"prices": "docs-pricing"}``."""
    assumed: frozenset[str] = frozenset()
    """Fields that are a guess: those whose source is of the kind ``assumed``. Filled in when the files are read."""

    def source_of(self, name: str) -> str:
        return self.sources.get(name, self.source)

    def is_seen(self, name: str) -> bool:
        """Whether somebody saw the field, or the user gave it: only then may it refuse a call.

        A field of which the record says nothing has its default, which nobody saw either.
        """
        return name in self.model_fields_set and name not in self.assumed

    def is_retired(self, day: Date) -> bool:
        return self.retired is not None and self.retired <= day


class Limits(Dated):
    """What one plan or tier allows: to a model, to a type of models, or to all there is no nearer record for."""

    plan: str
    model: str | None = None
    type: ModelType | None = None
    limits: Mapping[str, float]
    """Kind -> limit, in the order of :data:`LIMIT_KINDS`."""
    source: str
    sources: Mapping[str, str] = Field(default_factory=dict)
    """Source of single kinds that are not from ``source``."""

    @field_validator("limits")
    @classmethod
    def _known_kinds(cls, limits: Mapping[str, float]) -> dict[str, float]:
        for kind in limits:
            if kind not in LIMIT_KINDS:
                raise ValueError(f"unknown kind of limit {kind!r}")
        return in_order(limits)

    def source_of(self, kind: str) -> str:
        return self.sources.get(kind, self.source)


class ErrorSpec(Dated):
    """One entry of the error catalogue."""

    name: str
    status: int
    body: dict[str, Any] | str
    """JSON with ``{placeholders}`` in its strings, or the text of a page that is no JSON.

    A string that is nothing but a placeholder takes the value as it is; without a value its key is left out.
    """
    content_type: str = "application/json"
    headers: Mapping[str, str] = Field(default_factory=dict)
    step: str
    """The step of the path (:attr:`Edition.path`) that answers with it."""
    rate_headers: bool = False
    """Whether this reply carries the rate-limit headers."""
    announces_wait: bool = True
    """Whether the refusal of a limit carries ``retry-after``."""
    default_for_status: bool = False
    """``fail(503)`` means this one."""
    defaults: Mapping[str, str | None] = Field(default_factory=dict)
    """What its placeholders hold if nothing better is known, ``{"message": "Input validation error"}``."""
    source: str


class ToolPrice(Dated):
    """What a built-in tool costs beyond its tokens, in US dollars."""

    name: str
    thousand_requests: Decimal | None = None
    hour: Decimal | None = None
    source: str


class Engine(Dated):
    """What shows of the software that serves some models: keys that their replies have more, or less, than others'."""

    models: tuple[str, ...]
    """Ids, with ``*`` for any text. The first engine of the day that has the model serves it."""
    what: str
    source: str
    seed: bool = False
    """It picks a seed and reports it."""
    weight_version: bool = False
    """Whole replies carry ``metadata.weight_version``."""
    reply: Mapping[str, Any] = Field(default_factory=dict)
    """More keys of a whole reply."""
    choice: Mapping[str, Any] = Field(default_factory=dict)
    """More keys of its choice."""
    choice_without: tuple[str, ...] = ()
    usage: Literal["chunk", "finish", "none"] = "chunk"
    """Where a stream has its numbers: in a chunk of their own, in the one that finishes, nowhere."""
    usage_null: Literal["all", "later", "none"] = "all"
    """Which chunks before that say ``"usage": null``: all, all but the first, none."""
    text: bool = True
    """Chunks repeat their content as ``text``, as completions have it."""
    tools_choice: Mapping[str, Any] = Field(default_factory=dict)
    """More keys of the choice in every chunk, where the request offers tools."""
    finish_choice: Mapping[str, Any] = Field(default_factory=dict)
    """More keys of the choice in the chunk that finishes."""
    tool_calls: Literal["whole", "bare", "marked"] = "whole"
    """How a streamed tool call comes: whole in one chunk; piece by piece in OpenAI's chunks, without this provider's
    own keys; or piece by piece in its own, after one that tells the role twice."""
    finishes_twice: bool = False
    """Where the request offers tools, a second chunk finishes the stream, with the numbers in it."""
    ends_with_call: bool = False
    """Nothing follows a streamed tool call: neither a chunk that finishes nor numbers."""

    def serves(self, model: str) -> bool:
        return any(fnmatchcase(model, pattern) for pattern in self.models)


class Dialect(Fact):
    """Switches, texts and figures that differ between providers or changed over time.

    ``dialect.json`` says of each what it means and where it was seen.
    """

    # Bodies
    body_indent: int | None = None
    body_end: str = ""

    # Limiter and its texts (Groq)
    requested_prefix: str = ""
    used_integer: bool = True
    used_printed: Literal["floor", "ceil"] = "floor"
    too_large_waits: bool = False
    debt_allowed: bool = False
    duration_truncate_ms: bool = False
    duration_least_ms: int = 0
    service_tier_in_text: bool = False
    upsell: Mapping[str, str] = Field(default_factory=dict)
    admission: Literal["characters", "prompt_tokens", "maximum"] = "prompt_tokens"
    refused_by: Literal["maximum", "prompt"] = "maximum"
    admission_extra: int = 1
    cached_tokens_free: bool = False
    flex_factor: float = 1

    # Rate-limit headers
    rate_headers: Literal["groq", "per_second", "none"] = "none"
    rate_headers_dynamic: bool = False
    retry_after_on_success: bool = False
    window_seconds: float = 0

    # Replies
    x_groq_seed: bool = False
    x_groq_in_first_chunk: bool = True
    usage_breakdown: Literal["absent", "object", "null"] = "null"
    service_tier_in_reply: bool = False
    instance_id_of: tuple[str, ...] = ()
    usage_in_last_chunk: bool = False
    regions: tuple[str, ...] = ()
    strict_transport_security: str = ""
    request_id_letter: str = ""
    request_id_place: bool = False
    request_id_header: bool = True
    trace_header: bool = True
    error_id: bool = True
    finish_reason_eos: bool = False

    # Money
    batch_factor: Decimal = Decimal(1)
    invoice_thresholds: tuple[Decimal, ...] = ()
    invoice_minimum: Decimal = Decimal(0)
    tracking_delay_seconds: float = 0
    restricted_after_days: int = 0
    tier_spend: tuple[Decimal, ...] = ()
    tier_delay_seconds: float = 0
    minimum_purchase: Decimal = Decimal(0)
    balance_floor: Decimal = Decimal(0)
    start_balance: Decimal = Decimal(0)
    recharge_amount: Decimal = Decimal(0)
    charge_day: int = 0
    cache_seconds: float = 0
    cache_minimum_tokens: int = 0


class Edition(Fact):
    """A provider on one day."""

    provider: str
    date: Date
    hosts: tuple[str, ...]
    base: str
    """Path all operations share, ``/openai/v1``."""
    operations: Mapping[str, str]
    """``"POST /chat/completions"`` -> ``"chat.completions"``; ``{id}`` stands for the rest of the path."""
    path: tuple[str, ...]
    """The steps of one call, in this provider's order."""
    plans: tuple[str, ...]
    """Names of plans or tiers as ``fits=`` takes them: ``free``, ``developer``; ``tier1`` …"""
    models: Mapping[str, Model]
    """Retired ones included."""
    limits: tuple[Limits, ...]
    errors: Mapping[str, ErrorSpec]
    tools: Mapping[str, ToolPrice] = Field(default_factory=dict)
    """Built-in tools by name."""
    dialect: Dialect
    engines: tuple[Engine, ...] = ()
    sources: Mapping[str, Source]
    overrides: Mapping[str, Mapping[str, float | None]] = Field(default_factory=dict)
    """The user's own limits by model, ``*`` for all; ``None`` lifts a limit."""

    # Looking up

    def limits_for(self, plan: str, model: str) -> dict[str, float]:
        """Kind -> limit of *model* on *plan*; a kind that is not limited is absent.

        A record of the model itself goes before one of its type, that before the plan's default. Models nobody
        has heard of get the default. The same object every time: not to be changed.
        """
        known = self._known_limits.get((plan, model))
        if known is None:
            known = self._known_limits[plan, model] = self._limits_now(plan, model)
        return known

    @cached_property
    def _known_limits(self) -> dict[tuple[str, str], dict[str, float]]:
        return {}

    def _limits_now(self, plan: str, model: str) -> dict[str, float]:
        record = self.limits_record(plan, model)
        known = dict(record.limits) if record else {}
        for scope in ("*", model):
            for kind, limit in self.overrides.get(scope, {}).items():
                if scope == "*" and not self._applies(kind, model):
                    continue
                known.pop(kind, None)
                if limit is not None:
                    known[kind] = limit
        return in_order(known)

    def has_plan(self, plan: str) -> bool:
        """Whether there is such a plan on this day, one that cannot be chosen any more included."""
        return any(record.plan == plan for record in self.limits)

    def limits_record(self, plan: str, model: str) -> Limits | None:
        """The record :meth:`limits_for` begins with, for its source."""
        by_place = self._limits_by_place
        if not any(place[0] == plan for place in by_place):
            raise unknown(f"{self.provider} plan", plan, {*self.plans, *(place[0] for place in by_place)})
        known = self.models.get(model)
        places = [(plan, model, None), (plan, None, known.type if known else None), (plan, None, None)]
        return next((by_place[place] for place in places if place in by_place), None)

    @cached_property
    def _limits_by_place(self) -> dict[tuple[str, str | None, str | None], Limits]:
        return {(record.plan, record.model, record.type): record for record in self.limits}

    def _applies(self, kind: str, model: str) -> bool:
        known = self.models.get(model)
        hears = known is not None and known.type == "transcribe"
        return not (hears and kind in TOKEN_KINDS) and not (not hears and kind in AUDIO_KINDS)

    def engine_of(self, model: str) -> Engine:
        """The engine behind *model*: the first that serves it; a plain one where none is known."""
        if model not in self._known_engines:
            found = (engine for engine in self.engines if engine.serves(model))
            self._known_engines[model] = next(found, _PLAIN_ENGINE)
        return self._known_engines[model]

    @cached_property
    def _known_engines(self) -> dict[str, Engine]:
        return {}

    def model(self, id: str) -> Model:
        """The model called *id*, retired or not.

        Raises:
            BadInput: There is none.
        """
        if id not in self.models:
            raise unknown(f"{self.provider} model", id, self.models, where=f"edition {self.date}")
        return self.models[id]

    def error(self, name: str | int) -> ErrorSpec:
        """The catalogue entry called *name*, or the one that a bare status means.

        Raises:
            BadInput: There is none.
        """
        if isinstance(name, int):
            if name not in self._error_by_status:
                raise unknown(f"{self.provider} error status", name, [str(known) for known in self._error_by_status])
            return self._error_by_status[name]
        if name not in self.errors:
            raise unknown(f"{self.provider} error", name, self.errors)
        return self.errors[name]

    @property
    def stream_error(self) -> ErrorSpec:
        """The error in which a stream that began well breaks off."""
        return next(spec for spec in self.errors.values() if spec.status == 200)

    @cached_property
    def _error_by_status(self) -> dict[int, ErrorSpec]:
        return {spec.status: spec for spec in self.errors.values() if spec.default_for_status}

    # What a user knows better

    def with_limits(self, limits: Mapping[str, Any] | None) -> Edition:
        """The edition with limits of one's own: ``{"TPM": 12_000}`` or ``{"model": {"TPM": "12K"}}``.

        Raises:
            BadInput: A kind or model is not known, or a value is no positive number.
        """
        merged = {scope: dict(kinds) for scope, kinds in self.overrides.items()}
        for scope, kinds in self._scopes(limits or {}):
            merged.setdefault(scope, {}).update(kinds)
        return self._changed(overrides=merged)

    def _scopes(self, limits: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, float | None]]]:
        for name, value in limits.items():
            if isinstance(value, Mapping):
                if name != "*" and name not in self.models:
                    raise unknown(f"{self.provider} model in limits=", name, self.models)
                yield name, {_kind(kind): _limit(kind, given) for kind, given in value.items()}
            elif name in self.models:
                raise BadInput(f"limits= of model {name!r} is {value!r}; expected kind -> limit, {{'TPM': 12000}}")
            else:
                yield "*", {_kind(name): _limit(name, value)}

    def with_models(self, models: Mapping[str, Mapping[str, Any]] | Iterable[str] | None) -> Edition:
        """The edition with models of one's own: ids, or id -> fields of :class:`Model`.

        A new model is a chat model with every capability and no price; a known one keeps what is not given.

        Raises:
            BadInput: A field is not known or its value not possible.
        """
        if isinstance(models, str):
            models = [models]
        given = dict(models) if isinstance(models, Mapping) else {id: {} for id in models or ()}
        added = {id: self._model(id, fields or {}) for id, fields in given.items()}
        sources = {**self.sources, **({"user": self._user_source} if added else {})}
        return self._changed(models={**self.models, **added}, sources=sources)

    def _model(self, id: str, fields: Mapping[str, Any]) -> Model:
        for name in fields:
            if name not in Model.model_fields:
                raise unknown(f"field of model {id!r}", name, Model.model_fields)
        known = self.models.get(id)
        base: dict[str, Any] = (
            known.model_dump(exclude_unset=True) if known else {**_NEW_MODEL, "id": id, "since": self.date}
        )
        if known is None and fields.get("type", "chat") != "chat":
            base.pop("capabilities")
        guesses = known.assumed.difference(fields) if known else frozenset()
        own = {"source": "user", "sources": {}, "assumed": guesses}
        try:
            return Model.model_validate({**base, **fields, **own})
        except ValidationError as problem:
            raise BadInput(f"model {id!r} in models=: {first_problem(problem)}") from None

    @property
    def _user_source(self) -> Source:
        return Source(what="models= of the test", read=self.date, kind="given")

    def with_hosts(self, hosts: Iterable[str]) -> Edition:
        """The edition with gateway addresses of one's own: bare host names, or URLs."""
        names = [hosts] if isinstance(hosts, str) else list(hosts)
        bare = (name.split("://")[-1].split("/")[0].lower() for name in names)
        return self._changed(hosts=tuple(dict.fromkeys((*self.hosts, *bare))))

    def with_dialect(self, **changes: Any) -> Edition:
        """The edition with single switches set otherwise, to reproduce what was seen between two editions."""
        for name in changes:
            if name not in Dialect.model_fields:
                raise unknown(f"{self.provider} dialect key", name, Dialect.model_fields)
        dialect = Dialect.model_validate({**self.dialect.model_dump(), **changes})
        return self._changed(dialect=dialect)

    def _changed(self, **update: Any) -> Edition:
        edition = self.model_copy(update=update)
        edition.__dict__.pop("_known_limits", None)
        return edition

    # What must hold

    @model_validator(mode="after")
    def _consistent(self) -> Edition:
        for step in self.path:
            if step not in STEPS:
                raise ValueError(f"path has an unknown step {step!r}")
        for spec in self.errors.values():
            if spec.step not in self.path:
                raise ValueError(f"error {spec.name!r} answers at step {spec.step!r}, which is not on the path")
        for status in {spec.status for spec in self.errors.values()} - {200}:
            names = [spec.name for spec in self.errors.values() if spec.status == status and spec.default_for_status]
            if len(names) != 1:
                raise ValueError(f"status {status} needs one default_for_status, has {', '.join(names) or 'none'}")
        return self


_PLAIN_ENGINE = Engine(models=("*",), what="nothing of its own", source="assumed")

_NEW_MODEL: dict[str, Any] = {
    "type": "chat",
    "owner": "user",
    "context": 131072,
    "capabilities": ("tools", "json_object", "json_schema", "system"),
}


_SHARED_IN_FAMILIES = ("third_party", "type")


def family_facts(models: Mapping[str, Model], id: str) -> dict[str, Any]:
    """What all models of one owner (``deepcogito/…``) have in common: the best guess for one nobody has heard of."""
    owner, slash, _ = id.partition("/")
    family = [model for name, model in models.items() if slash and name.startswith(f"{owner}/")]
    shared = {name: {getattr(model, name) for model in family} for name in _SHARED_IN_FAMILIES}
    return {name: next(iter(values)) for name, values in shared.items() if len(values) == 1}


def in_order(limits: Mapping[str, float]) -> dict[str, float]:
    """The same limits in the order of :data:`LIMIT_KINDS`; whole numbers as ``int``."""
    whole = {kind: int(limit) if float(limit).is_integer() else limit for kind, limit in limits.items()}
    return {kind: whole[kind] for kind in LIMIT_KINDS if kind in whole}


def first_problem(error: ValidationError) -> str:
    """The first of pydantic's complaints in one line: ``prices.input: Input should be a valid decimal``."""
    problem = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}" if place else str(problem["msg"])


def _kind(name: object) -> str:
    kind = {"ASPH": "ASH", "ASPD": "ASD"}.get(str(name), str(name))
    if kind not in LIMIT_KINDS:
        raise unknown("limit in limits=", name, LIMIT_KINDS)
    return kind


def _limit(kind: object, value: object) -> float | None:
    if value is None:
        return None
    limit = number(value, what=f"limit {kind}")
    if limit <= 0:
        raise BadInput(f"limit {kind} is {value!r}; expected a positive number, or None for no limit")
    return limit


_NUMBER = re.compile(r"\s*([+-]?[0-9][0-9_,]*(?:\.[0-9]+)?)\s*([KMGB]?)\s*", re.IGNORECASE)
_FACTOR = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}


def number(value: object, *, what: str = "number") -> float:
    """An int, float or text like ``12_000``, ``10M`` or ``1.5K`` as a number; an ``int`` where it is whole.

    Raises:
        BadInput: It is none of these.
    """
    amount = exact_number(value, what=what)
    return int(amount) if amount == int(amount) else float(amount)


def exact_number(value: object, *, what: str = "number") -> Decimal:
    """As :func:`number`, with every digit that was written.

    Raises:
        BadInput: It is no number, or has more than 18 digits before the point or 9 behind it.
    """
    text = f"{Decimal(str(value)):f}" if isinstance(value, float | Decimal) else str(value)
    match = None if isinstance(value, bool) else _NUMBER.fullmatch(text)
    if not match:
        raise BadInput(f"{what} is {shortened(repr(value), 40)}; expected a number such as 12000, '12K' or '1.5M'")
    digits = re.sub("[_,]", "", match[1])
    whole, _, rest = digits.lstrip("+-").partition(".")
    if len(whole) > 18 or len(rest) > 9:
        raise BadInput(f"{what} is {shortened(repr(value), 40)}; expected at most 18 digits, and 9 behind the point")
    return Decimal(digits) * _FACTOR[match[2].upper()]
