"""What a test scripts of a provider, and of its limits: the words of ``groq_api``, checked as they are written."""

from __future__ import annotations

import random
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

from pytest_llmcontract.core.call.form import placeholders, worded
from pytest_llmcontract.core.call.script import (
    Chaos,
    ConnectionFault,
    Fault,
    Latency,
    Outage,
    Part,
    Script,
    ScriptedFault,
    StreamCut,
    When,
    matcher,
)
from pytest_llmcontract.core.call.scripted import (
    FINISHES,
    check_when,
    checked_body,
    checked_headers,
    checked_text,
    scripted_reply,
)
from pytest_llmcontract.core.call.simulator import Simulator
from pytest_llmcontract.core.call.state import Capacity
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.contract.reply import reply_contract
from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.exchange import CONNECTION_FAULTS
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.records import LIMIT_KINDS, ErrorSpec
from pytest_llmcontract.core.limits.rules import LimitState
from pytest_llmcontract.core.site import application_site

CutHow = Literal["disconnect", "error_event", "truncate", "stall"]


class Scripting:
    """What can be scripted of one provider.

    Args:
        name: Its name, for messages.
        simulator: Who answers.
        clock: Of its world.
    """

    def __init__(self, name: str, simulator: Simulator, clock: VirtualClock) -> None:
        self.name = name
        self.simulator = simulator
        """The path of a call and its state, for adapters and commands of this project."""
        self.clock = clock

    @property
    def edition(self) -> Edition:
        """What is known of the provider on the day that holds."""
        return self.simulator.state.edition

    def reply(
        self,
        content: str | Sequence[str] | None = None,
        *,
        structured: Mapping[str, Any] | None = None,
        tool_calls: Iterable[Mapping[str, Any]] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        reasoning: str | None = None,
        finish_reason: str | None = None,
        usage: Mapping[str, Any] | None = None,
        when: When = None,
        times: int | None = 1,
    ) -> Script:
        """Script the next answer(s). Without a script the simulator makes up a useful one.

        Args:
            content: The text, or a list of the pieces a stream gives it in.
            structured: A dict, given as the forced tool's arguments or as JSON content, as the request asks.
            tool_calls: ``{"name": …, "arguments": {…}}`` each.
            body: The whole reply, of any operation.
            headers: More headers, or other values.
            reasoning: What a reasoning model shows of its thinking.
            finish_reason: In place of ``stop`` or ``tool_calls``.
            usage: ``{"prompt_tokens": …, "completion_tokens": …}``; also what the limiter settles.
            when: A dict of request fields, a substring of the last user message, or a callable taking the request.
            times: How many calls it answers; ``None`` for ever.

        Raises:
            BadInput: A part makes no sense for itself. What does not answer the request it is used for is LLM201.
        """
        finishes = () if finish_reason is None else self._finishes()
        part = scripted_reply(content, structured, tool_calls, body, headers, reasoning, finish_reason, usage, finishes)
        shown = content if content is not None else structured or part.tool_calls or body
        return self._script(part, when, times, f"reply({'' if shown is None else _short(shown)})")

    def fail(
        self,
        error: str | int,
        *,
        retry_after: float | None = None,
        limit: str | None = None,
        message: str | None = None,
        body: Any = None,
        values: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        when: When = None,
        times: int | None = 1,
    ) -> Script:
        """Script an error of the catalogue, by name (``"over_capacity"``) or by status (``503``: its default).

        Or a fault of the connection, which strikes before anything else: ``connect_error``, ``connect_timeout``,
        ``read_timeout``, ``connection_reset`` or ``dns_error``. Each client meets what it really would, and the call
        has no reply.

        SDKs retry: ``times=1`` is often absorbed by them.

        Args:
            retry_after: Seconds that header and text announce.
            limit: For a 429 or 413: the limit that is exceeded, ``"TPM"``.
            message: In place of the provider's text.
            body: In place of the provider's whole body: JSON, or the text of a page.
            values: What fills the placeholders of its body: ``{"failed_generation": "…"}``.

        Raises:
            BadInput: No such error, limit or placeholder; the message lists those there are.
        """
        if _breaks(error):
            given = {"retry_after": retry_after, "limit": limit, "message": message, "values": values, "body": body}
            _nothing_of(given | {"headers": headers}, error, "no reply comes; accepted: when=, times=")
            return self._script(self._fault(error), when, times, f"fail({error!r})")
        checked_text("fail", "message", message)
        checked_body("fail", body)
        if body is not None and (message is not None or values):
            raise BadInput(f"fail({error!r}, body=): it is the whole body; message= and values= are of the provider's")
        spec = self._error(error)
        if message is not None and worded(spec.body, message) is None:
            raise BadInput(f"fail({error!r}, message=): the provider's body has no text; accepted: body=")
        filled = _checked_values(spec, values)
        if spec.status == 200:
            accepted = "message=, values=, body=, when=, times="
            given = {"retry_after": retry_after, "limit": limit, "headers": headers}
            _nothing_of(given, error, f"it comes within a stream that began well; accepted: {accepted}")
            told = filled if message is None else {**filled, "message": message}
            cut = StreamCut(1, None, "error_event", spec.name, told, body)
            return self._script(cut, when, times, f"fail({error!r})")
        fault = self._fault(error, retry_after, limit, message, headers, filled, body)
        return self._script(fault, when, times, f"fail({error!r})")

    def outage(self, *, seconds: float, error: str | int = 503, when: When = None) -> Script:
        """Fail everything until the clock has moved on by *seconds*. What else is scripted waits for its end."""
        part = Outage(self._weather("outage", error), self.clock.seconds + _seconds("outage(seconds=)", seconds))
        return self._script(part, when, None, f"outage(seconds={seconds:g})")

    def cut_stream(
        self,
        *,
        after: int = 3,
        at_byte: int | None = None,
        how: CutHow = "disconnect",
        error: str | None = None,
        body: Any = None,
        when: When = None,
        times: int | None = 1,
    ) -> Script:
        """End a stream too early, after *after* events.

        Args:
            at_byte: In place of *after*: how many bytes of the stream arrive, wherever that is: between two events, in
                the middle of one, within a character. An error event is written right behind them.
            how: ``disconnect``, ``error_event`` (the provider's own, within a 200), ``truncate`` (in the middle of
                an event, and of a character where there is a wide one) or ``stall`` (until the client gives up).
            error: Which error of a stream an ``error_event`` brings, by name; default the provider's usual one.
            body: In place of that event's whole data: JSON, or bare words.

        Raises:
            BadInput: No such place, way or error; the message says what is accepted.
        """
        hows = ("disconnect", "error_event", "truncate", "stall")
        if how not in hows:
            raise BadInput(f"cut_stream(how={how!r}) is not known; accepted: {', '.join(hows)}")
        if how != "error_event" and (error is not None or body is not None):
            raise BadInput(
                f"cut_stream(how={how!r}): error= and body= are of an event; accepted with how='error_event'"
            )
        where = "" if at_byte is None else f"at_byte={at_byte}, "
        for name, place, of in (("after", after, "events"), ("at_byte", 0 if at_byte is None else at_byte, "bytes")):
            if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < _LARGEST:
                raise BadInput(f"cut_stream({name}={_short(place)}); accepted: a number of {of} from 0")
        checked_body("cut_stream", body)
        named = None if error is None else self._stream_error(error)
        part = StreamCut(after, at_byte, how, named, body=body)
        return self._script(part, when, times, f"cut_stream({where}how={how!r})")

    def latency(self, *, first_token: float = 0.0, per_token: float = 0.0, when: When = None) -> Script:
        """Answer slowly: virtual seconds before the first token, and before each further one of a stream.

        Of several that match a request the newest holds. A connection that breaks before a reply breaks at once.
        """
        part = Latency(_seconds("latency(first_token=)", first_token), _seconds("latency(per_token=)", per_token))
        return self._script(part, when, None, "latency()")

    def chaos(
        self, rate: float, *, errors: Iterable[str | int] = (), seed: int | None = None, when: When = None
    ) -> Script:
        """Fail calls at random, the same ones for the same seed.

        Args:
            rate: Share of the calls that fail, 0 to 1.
            errors: Which errors, by name or status, faults of the connection too; default the provider's 429, 500 and
                503.
            seed: Default that of ``--llmcontract-seed``, 0 without it. A test that fails says which it was.
        """
        if seed is None:
            seed = self.simulator.state.chaos_seed
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise BadInput(f"chaos(seed={seed!r}); accepted: a whole number")
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise BadInput(f"chaos(rate={_short(rate)}): accepted is a share between 0 and 1")
        if isinstance(errors, str | Mapping) or not isinstance(errors, Iterable):
            raise BadInput(f"chaos(errors={_short(errors)}); accepted: a list of errors, by name or status")
        faults = tuple(self._weather("chaos", error) for error in tuple(errors) or (429, 500, 503))
        part = Chaos(rate, faults, seed, random.Random(seed))
        return self._script(part, when, None, f"chaos({rate:g}, seed={seed})")

    def _script(self, part: Part, when: When, times: int | None, what: str) -> Script:
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
            raise BadInput(f"{what}: times={times!r}; accepted: a number of calls from 1, or None for ever")
        check_when(when, self._fields() if isinstance(when, Mapping) else ())
        self.clock.deeds += 1
        script = Script(part, matcher(when), times, f"{self.name}_api.{what}", application_site())
        return self.simulator.state.scripts.add(script)

    def _fields(self) -> frozenset[str]:
        """The fields of the requests of all operations."""
        return frozenset(name for form in self.simulator.state.contracts.values() for name in form.fields)

    def _finishes(self) -> Collection[str]:
        """Why an answer may end, on the day that holds."""
        promised = reply_contract(self.edition.provider, "chat.completions", self.edition.date)
        return (promised.finishes if promised else ()) or FINISHES

    def _fault(
        self,
        error: str | int,
        retry_after: float | None = None,
        limit: str | None = None,
        message: str | None = None,
        headers: Mapping[str, str] | None = None,
        values: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> Fault:
        if _breaks(error):
            return ConnectionFault(CONNECTION_FAULTS[str(error)])
        spec = self._error(error)
        if limit is not None:
            _check_limit(f"fail({error!r}, limit={_short(limit)}): no such limit", limit)
            if spec.step != "limiter":
                accepted = [name for name, one in self.edition.errors.items() if one.step == "limiter"]
                raise BadInput(f"fail({error!r}, limit=): it exceeds no limit; accepted with {', '.join(accepted)}")
        if retry_after is not None:
            _seconds("fail(retry_after=)", retry_after)
        told = dict(values or {})
        sent = checked_headers("fail", headers)
        return ScriptedFault(spec.name, spec.step, retry_after, limit, message, sent, told, body)

    def _weather(self, method: str, error: str | int) -> Fault:
        """A fault that strikes whatever is called."""
        if not _breaks(error) and self._error(error).status == 200:
            raise BadInput(
                f"{method}({error!r}): it comes within a stream that began well, so other calls cannot meet it; "
                f"accepted: cut_stream(how='error_event', error={error!r}, times=None)"
            )
        return self._fault(error)

    def _stream_error(self, error: str) -> str:
        """The name of an error that comes within a stream."""
        known = [spec.name for spec in self.edition.stream_errors]
        if error not in known:
            raise unknown("error within a stream in cut_stream(error=)", str(error), known)
        return error

    def _error(self, error: str | int) -> ErrorSpec:
        try:
            return self.edition.error(error)
        except BadInput as refusal:
            raise BadInput(f"{refusal}; or a fault of the connection: {', '.join(CONNECTION_FAULTS)}") from None

    def capacity(self, *, flex: bool | None = None, batch_lines_per_hour: float | None = None) -> None:
        """What the provider has room for, from now on; what is not named stays as it is.

        Args:
            flex: Whether calls of the flex tier find room; without it they are refused with 498.
            batch_lines_per_hour: How fast batches run, so that one can expire.

        Raises:
            BadInput: A speed that is no number above 0.
        """
        if flex is not None and not isinstance(flex, bool):
            raise BadInput(f"capacity(flex={flex!r}); accepted: True, False")
        state = self.simulator.state
        now = state.capacity
        speed = now.batch_lines_per_hour
        if batch_lines_per_hour is not None:
            speed = _positive("capacity(batch_lines_per_hour)", batch_lines_per_hour)
        state.capacity = Capacity(now.flex if flex is None else flex, speed)

    # Limits.

    def exhaust(self, limit: str, *, model: str | None = None) -> None:
        """Drain a limit (``"TPD"``) of one model, or of all models that have it.

        Raises:
            BadInput: No such limit or model.
        """
        self.clock.deeds += 1
        for name in self._limited(limit, model):
            self.simulator.state.limiter.drain(name, limit, self.clock.seconds)

    def use(self, limit: str, amount: float, *, model: str | None = None) -> None:
        """Count *amount* against a limit, as calls from elsewhere in the organisation would."""
        _not_negative("use(amount)", amount)
        for name in self._limited(limit, model):
            self.simulator.state.limiter.take(name, {limit.upper(): amount}, self.clock.seconds)

    def _limited(self, limit: str, model: str | None) -> list[str]:
        """The models whose limit is meant."""
        _check_limit(f"limit {_short(limit)} is not known", limit)
        limiter = self.simulator.state.limiter
        if model is not None:
            limiter.rule(self._known_model(model), limit)
            return [model]
        found = [name for name in self.edition.models if limit.upper() in limiter.rules(name)]
        if not found:
            raise BadInput(f"no model of {self.name} has a limit {limit.upper()} on this plan")
        return found

    def _known_model(self, model: str) -> str:
        if not isinstance(model, str) or model not in self.edition.models:
            raise unknown(f"{self.name} model", model, self.edition.models)
        return model

    def limits(self, model: str) -> dict[str, LimitState]:
        """Name -> state of every limit of *model*, now."""
        return self.simulator.state.limiter.state(self._known_model(model), self.clock.seconds)


def _nothing_of(given: Mapping[str, Any], error: str | int, why: str) -> None:
    """A connection that breaks brings no reply, and an error within a stream comes after its head."""
    for name, value in given.items():
        if value is not None:
            raise BadInput(f"fail({error!r}, {name}=): {why}")


def _checked_values(spec: ErrorSpec, values: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if not isinstance(values, Mapping | None):
        raise BadInput(f"fail(values=) is {_short(values)}; accepted: a dict, placeholder -> what fills it")
    known = placeholders(spec.body)
    for name in values or ():
        if name not in known:
            raise unknown(f"placeholder of {spec.name} in fail(values=)", name, known)
    return dict(values or {})


def _breaks(error: str | int) -> bool:
    """Whether it is a fault of the connection."""
    return isinstance(error, str) and error in CONNECTION_FAULTS


def _check_limit(refusal: str, limit: str) -> None:
    if not isinstance(limit, str) or limit.upper() not in LIMIT_KINDS:
        raise BadInput(f"{refusal}; accepted: {', '.join(LIMIT_KINDS)}")


def _positive(what: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
        raise BadInput(f"{what} is {_short(value)}; accepted is a number above 0")
    return value


def _not_negative(what: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LARGEST:
        raise BadInput(f"{what} is {_short(value)}; accepted is a number from 0")
    return value


def _seconds(what: str, value: float) -> float:
    """A time to wait. The clock ends with the year 9999."""
    if _not_negative(what, value) > _LONGEST:
        raise BadInput(f"{what} is {_short(value)}; accepted are seconds from 0 to {_LONGEST:,}, thirty years")
    return value


_LONGEST = 10**9
_LARGEST = 10**15
"""Beyond which nobody counts: what arithmetic makes of a larger one is no number any more."""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
