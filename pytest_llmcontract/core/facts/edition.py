"""What is known of a provider on one day: an edition, assembled by :mod:`.load` from ``providers/<name>/*.json``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date as Date  # noqa: N812  Edition has a field of that name
from functools import cached_property
from typing import Any

from pydantic import Field, SerializeAsAny, ValidationError, model_validator

from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.facts.dialect import Dialect
from pytest_llmcontract.core.facts.numbers import number
from pytest_llmcontract.core.facts.records import (
    AUDIO_KINDS,
    LIMIT_KINDS,
    REASONS,
    REASONS_OF_SOME,
    STEPS,
    TOKEN_KINDS,
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
    first_problem,
    in_order,
)
from pytest_llmcontract.core.hosts import normal_host
from pytest_llmcontract.core.refusal import Refusal


class Edition(Fact):
    """A provider on one day."""

    provider: str
    date: Date
    hosts: tuple[str, ...]
    gateways: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Hosts of the user's own -> the paths there that stand for :attr:`base`, the longest first."""
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
    dialect: SerializeAsAny[Dialect]
    lanes: Mapping[str, Lane] = Field(default_factory=dict)
    """Service tiers by name; the usual way is none of them."""
    refusals: tuple[RefusalRow, ...] = ()
    """Which error refuses for which reason."""
    engines: tuple[Engine, ...] = ()
    machines: tuple[Machine, ...] = ()
    """What dedicated endpoints may run on."""
    training: tuple[TrainingPrice, ...] = ()
    """What fine-tuning costs, small models first."""
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
        return plan in self._limited_plans

    def known_plan(self, plan: str) -> str:
        """*plan*, where there is such a one.

        Raises:
            BadInput: There is none.
        """
        if not self.has_plan(plan):
            raise unknown(f"{self.provider} plan", plan, {*self.plans, *self._limited_plans})
        return plan

    @cached_property
    def _limited_plans(self) -> frozenset[str]:
        return frozenset(record.plan for record in self.limits)

    def limits_record(self, plan: str, model: str) -> Limits | None:
        """The record :meth:`limits_for` begins with, for its source."""
        by_place = self._limits_by_place
        self.known_plan(plan)
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
        if not isinstance(name, str) or name not in self.errors:
            raise unknown(f"{self.provider} error", name, self.errors)
        return self.errors[name]

    def refusal(self, reason: str, values: Mapping[str, Any] | None = None, *, operation: str = "") -> Refusal:
        """The refusal for a reason (:data:`.records.REASONS`, :data:`.records.REASONS_OF_SOME`).

        Args:
            values: What fills its placeholders.
            operation: Some refuse it in words of their own.
        """
        errors = self._error_by_reason
        return Refusal(errors.get((reason, operation)) or errors[reason, ""], values or {})

    @cached_property
    def _error_by_reason(self) -> dict[tuple[str, str], str]:
        return {(row.reason, name): row.error for row in self.refusals for name in row.operations or ("",)}

    def refuses(self, reason: str) -> bool:
        """Whether there is a refusal for *reason* on this day."""
        return (reason, "") in self._error_by_reason

    def lane_for(self, asked: object) -> Lane:
        """The lane that a request's ``service_tier`` chooses; the usual one if it chooses none."""
        usual = self._usual_lane
        return self._lane_by_tier.get(asked, usual) if isinstance(asked, str) else usual

    def lanes_of(self, lane: Lane) -> tuple[Lane, ...]:
        """The lanes that a call in *lane* tries, in order; mostly itself."""
        return tuple([self.lanes[name] for name in lane.tries]) or (lane,)

    @cached_property
    def _usual_lane(self) -> Lane:
        return next((lane for lane in self.lanes.values() if lane.usual), USUAL_LANE)

    @cached_property
    def _lane_by_tier(self) -> dict[str, Lane]:
        return {tier: lane for lane in self.lanes.values() for tier in lane.asked_as}

    @property
    def stream_errors(self) -> tuple[ErrorSpec, ...]:
        """The errors in which a stream that began well breaks off, the usual one first."""
        return tuple(spec for spec in self.errors.values() if spec.status == 200)

    @property
    def stream_error(self) -> ErrorSpec:
        """The usual one."""
        return self.stream_errors[0]

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
        for scope, kinds in self.limits_given({} if limits is None else limits):
            merged.setdefault(scope, {}).update(kinds)
        return self._changed(overrides=merged)

    def limits_given(self, limits: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, float | None]]]:
        """Limits as a person writes them: model, or ``*`` for all, with kind -> limit. As :meth:`with_limits`."""
        if not isinstance(limits, Mapping):
            raise BadInput(f"limits={limits!r}; accepted: {{'TPM': 12000}}, or model -> such an object")
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
        if isinstance(models, Mapping):
            given = dict(models)
        else:
            given = {id: {} for id in _texts("models", () if models is None else models, "ids, or id -> fields")}
        added = {id: self._model(id, fields or {}) for id, fields in given.items()}
        sources = {**self.sources, **({"user": self._user_source} if added else {})}
        return self._changed(models={**self.models, **added}, sources=sources)

    def _model(self, id: str, fields: Mapping[str, Any]) -> Model:
        if not isinstance(fields, Mapping):
            raise BadInput(f"model {id!r} is {fields!r}; accepted: an object of its fields")
        for name in fields:
            if name not in Model.model_fields:
                raise unknown(f"field of model {id!r}", name, Model.model_fields)
        known = self.models.get(id)
        base: dict[str, Any] = (
            known.model_dump(exclude_unset=True) if known else {**_NEW_MODEL, "id": id, "since": self.date}
        )
        if known is None and fields.get("type", "chat") != "chat":
            base.pop("capabilities")
        guesses = (known.assumed if known else frozenset({"type"})).difference(fields)
        own = {"source": "user", "sources": {}, "assumed": guesses}
        try:
            return Model.model_validate({**base, **fields, **own})
        except ValidationError as problem:
            raise BadInput(f"model {id!r} in models=: {first_problem(problem)}") from None

    @property
    def _user_source(self) -> Source:
        return Source(what="models= of the test", read=self.date, kind="given")

    def with_hosts(self, hosts: Iterable[str]) -> Edition:
        """The edition with gateway addresses of one's own: host names, or base URLs."""
        named = [_gateway(host) for host in _texts("hosts", hosts, "host names, or base URLs")]
        paths: dict[str, set[str]] = {host: {*known} for host, known in self.gateways.items()}
        for host, path in named:
            if path or host not in self.hosts:  # the provider's own is no gateway
                paths.setdefault(host, set()).update({path} - {""})
        gateways = {host: tuple(sorted(found, key=len, reverse=True)) for host, found in paths.items()}
        return self._changed(hosts=tuple(dict.fromkeys((*self.hosts, *gateways))), gateways=gateways)

    def paths_of(self, host: str, path: str) -> Iterator[str]:
        """What *path* may mean at *host*, the likeliest first: below a gateway's base, and as it stands."""
        for base in self.gateways.get(host, ()):
            if path == base or path.startswith(f"{base}/"):
                yield self.base + path[len(base) :]
        yield path

    def with_dialect(self, **changes: Any) -> Edition:
        """The edition with single switches set otherwise, to reproduce what was seen between two editions."""
        for name in changes:
            if name not in type(self.dialect).model_fields:
                raise unknown(f"{self.provider} dialect key", name, type(self.dialect).model_fields)
        dialect = type(self.dialect).model_validate({**self.dialect.model_dump(), **changes})
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
        for lane in self.lanes.values():
            if lane.room and lane.room not in self.errors:
                raise ValueError(f"lane {lane.name!r} refuses with {lane.room!r}, which is not in the catalogue")
            if stray := [name for name in lane.tries if name not in self.lanes]:
                raise ValueError(f"lane {lane.name!r} tries {stray[0]!r}, which is no lane")
        for row in self.refusals:
            if row.reason not in REASONS and row.reason not in REASONS_OF_SOME:
                known = ", ".join((*REASONS, *REASONS_OF_SOME))
                raise ValueError(f"refusals know no reason {row.reason!r}; known: {known}")
            if row.error not in self.errors:
                raise ValueError(f"{row.reason!r} refuses with {row.error!r}, which is not in the catalogue")
        if missing := [reason for reason in REASONS if (reason, "") not in self._error_by_reason]:
            raise ValueError(f"no refusal for {', '.join(missing)}")
        return self


USUAL_LANE = Lane(name="", source="given")
"""The way of a call that asks for none."""
_PLAIN_ENGINE = Engine(models=("*",), what="nothing of its own", source="assumed")

_NEW_MODEL: dict[str, Any] = {
    "type": "chat",
    "owner": "user",
    "context": 131072,
    "capabilities": ("tools", "json_object", "json_schema", "system"),
}


def _texts(name: str, given: object, accepted: str) -> list[str]:
    """One text, or several."""
    texts: list[Any] = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    if wrong := [text for text in texts if not isinstance(text, str)]:
        raise BadInput(f"{name}= has {wrong[0]!r}; accepted: {accepted}")
    return texts


def _gateway(host: object) -> tuple[str, str]:
    """A host that ``hosts=`` names, in normal form, and the path in its URL that stands for the provider's base."""
    name = normal_host(host) if isinstance(host, str) else ""
    if not name:
        raise BadInput(f"hosts={host!r}: accepted is the name of a host, or a base URL")
    written = str(host).partition("://")[2] or str(host)
    path = re.split(r"[?#]", written, maxsplit=1)[0].partition("/")[2].strip("/")
    return name, f"/{path}" if path else ""


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
