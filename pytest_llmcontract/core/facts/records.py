"""The records of the data files: each with its days and its source; a key that is not known stops the load."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date as Date  # noqa: N812  as in the data files
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

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

ModelRule = Literal["stream_only", "json_schema_wrapped", "no_system_with_images", "own_sound", "socket_only"]
"""What single models insist on: a stream; ``json_schema`` within a ``response_format`` of that type; pictures alone,
without a message of the system; sound in their own samples, whatever is asked; a websocket."""

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
    built_in_tools: tuple[str, ...] = ()
    """Tools that the provider runs itself, which it takes beside functions."""
    inner: tuple[str, ...] = ()
    """The models behind a system of several: who reasons, who answers."""
    says: Literal["text", "probability", "safety", "verdict"] = "text"
    """What it answers: a text; how probable it is that the one user message attacks a prompt; ``safe`` or not; what it
    finds by the policy of the system message, as JSON."""
    max_images: int | None = None
    dimensions: int | None = None
    """Numbers of each of its embeddings."""
    unit_length: bool = False
    """Whether its embeddings all have the length 1."""
    max_characters: int | None = None
    """Of a text that it speaks."""
    voices: tuple[str, ...] = ()
    """It speaks with, as far as they are known."""
    sample_rate: int = 24000
    """Of the sound it makes, where nothing else is asked."""
    cache_minimum: int | None = None
    """The shortest prompt that the prompt cache keeps, in tokens, where it is known of this model."""
    steps: int | None = None
    """Of its pictures, that the price of a megapixel includes."""
    prices: Prices = Prices()
    preview: bool = False
    terms: bool = False
    """Groq: an admin has to accept terms first. Assumed done, as for a test's own account."""
    serverless: bool = True
    """Together: listed, but answered only with a dedicated endpoint, when false."""
    dedicated: bool = False
    """It runs on a machine of the account's own: paid by the minute, without limits."""
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

    @property
    def can_cache(self) -> bool:
        """Whether the provider caches its prompts."""
        return self.prices.cached_input is not None or "prompt_cache" in self.capabilities

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
    """Of a refusal by a limit: whether it carries ``retry-after``."""
    worth_another: bool = False
    """Of a 4xx: the model's own slip, which another attempt may be without."""
    edge: bool = False
    """It is answered by Cloudflare in front of the provider, whose own headers it lacks."""
    default_for_status: bool = False
    """``fail(503)`` means this one."""
    limit: str = "RPM"
    """Of a refusal by a limit: the one that is meant where a test that scripts it names none."""
    at_once: bool = False
    """Of a refusal by a limit: more is asked than it allows at once, however long one waits."""
    defaults: Mapping[str, str | None] = Field(default_factory=dict)
    """What its placeholders hold if nothing better is known, ``{"message": "Input validation error"}``."""
    source: str


class ToolPrice(Dated):
    """A built-in tool: what it costs beyond its tokens, in US dollars, and who has it."""

    name: str
    type: str = ""
    """What replies call it."""
    function: str = ""
    """In replies of a single model it is a function of this name, given code as it is."""
    in_systems: bool = False
    """Systems of several models have it (:attr:`Model.inner`), and choose it themselves."""
    wanted: str = ""
    """A pattern: for such words such a system uses it without being asked. Empty: only where it is enabled by name."""
    seconds: Decimal = Decimal(0)
    """How long a run takes, for a price by the hour."""
    thousand_requests: Decimal | None = None
    hour: Decimal | None = None
    source: str


class Machine(Dated):
    """A machine that runs a model for one account alone."""

    id: str
    """As the first kind of endpoints names it: ``1x_nvidia_h100_80gb_sxm``."""
    instance: str = ""
    """As the second kind names it; empty: it has none."""
    gpu: str
    link: str
    memory: int
    """Of one GPU, in GB."""
    count: int
    cents_per_minute: Decimal
    """Of the first kind, while an endpoint runs."""
    cents_per_hour: int = 0
    """Of the second kind, for each replica that is ready."""
    source: str
    sources: Mapping[str, str] = Field(default_factory=dict)
    """Source of single fields that are not from ``source``."""


class TrainingPrice(Dated):
    """What a million tokens of training cost, in US dollars."""

    billions: Decimal
    """Of parameters that a model has at most."""
    method: Literal["sft", "dpo"]
    type: Literal["Lora", "Full"]
    million_tokens: Decimal
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


class Lane(Dated):
    """A way for calls: a service tier. What it costs, what limits it, and who may take it."""

    name: str
    asked_as: tuple[str, ...] = ()
    """Values of ``service_tier`` that choose it; ``batch`` is chosen by the operation instead."""
    usual: bool = False
    """A call that asks for no lane takes it."""
    plans: tuple[str, ...] = ()
    """Who may take it; empty: everybody."""
    price: Decimal = Decimal(1)
    """In times the list price."""
    models: tuple[str, ...] = ()
    """Those that cost so; empty: all. The others have their list price."""
    takes: tuple[str, ...] = ()
    """The models that it answers, with ``*`` for any text; empty: all but those that it :attr:`lacks`."""
    lacks: tuple[str, ...] = ()
    """Models that it does not answer, likewise."""
    cache_discount: bool = True
    """Whether cached tokens cost less in it, too."""
    limits: Decimal | None = None
    """In times the model's limits, and what is used of them is counted apart; ``None``: it shares the usual ones."""
    tries: tuple[str, ...] = ()
    """It is none of its own: the first of these lanes goes that has something left of its limits."""
    room: str = ""
    """What refuses a call where the provider has no room for this lane (``capacity(flex=False)``): an entry of the
    error catalogue. Empty: there always is."""
    what: str = ""
    source: str

    def answers(self, model: Model) -> bool:
        """Whether *model* can be asked in it; of one that the user added it is not known."""
        if not (self.takes or self.lacks) or model.source == "user":
            return True
        named = partial(fnmatchcase, model.id)
        return not any(map(named, self.lacks)) and (not self.takes or any(map(named, self.takes)))

    def price_of(self, model: str) -> Decimal:
        """What *model* costs in it, in times its list price."""
        return self.price if not self.models or model in self.models else Decimal(1)


class RefusalRow(Dated):
    """Which entry of the error catalogue refuses for a reason (:data:`REASONS`)."""

    reason: str
    error: str
    operations: tuple[str, ...] = ()
    """Only for these; empty: for all that have no row of their own."""
    source: str


REASONS: Mapping[str, str] = {
    "unknown_address": "there is no such operation",
    "no_key": "no credential came along, or in the wrong place",
    "unknown_model": "nobody has heard of the model, or not yet",
    "retired_model": "the model answers no more",
    "not_serverless": "the model is listed, and answers on a dedicated endpoint only",
    "no_model": "the request names no model, and needs one",
    "wrong_model": "the model cannot do what the operation asks",
    "lane_not_on_plan": "the service tier is not for this plan",
    "too_long": "prompt and completion do not fit the context",
    "too_long_elsewhere": "the same, of a model that somebody else hosts",
    "no_conforming_answer": "no value fits the schema that the answer shall have",
}
"""Why a step or an operation refuses, whoever the provider is."""

REASONS_OF_SOME: Mapping[str, str] = {
    "no_such_thing": "nothing has the id that the address names",
    "impossible": "what is asked cannot be done as things are",
    "not_ours": "what is asked about belongs to somebody else",
    "stale": "the thing has changed since the caller looked",
    "bad_filter": "the filter of a list says nothing",
    "endpoint_asleep": "the model's own endpoint is not running",
    "no_route": "the model's own endpoint has no deployment that gets traffic",
    "none_ready": "of the deployments that get traffic none is ready",
    "machines_closed": "no endpoints of this kind may be made or started any more",
    "no_machine": "no machine is offered for the model",
    "empty_file": "a file of sound has no bytes",
    "no_sound": "a file holds no sound that anybody could play",
    "sound_too_short": "sound plays for less time than is listened to",
    "sound_too_long": "sound plays for more time than is listened to",
    "text_too_long": "a text has more characters than are spoken",
    "not_on_plan": "the operation is not for this plan",
    "not_in_lane": "the model is not answered in this lane",
    "file_known": "a file of the same checksum is there",
}
"""Why operations refuse that not every provider has: one without them needs no row."""


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
