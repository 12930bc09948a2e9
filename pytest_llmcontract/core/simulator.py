"""The path of one call through a simulated provider. If you read one file, read this one.

:meth:`Simulator.answer` is the whole of it: open the call, walk the provider's steps until one answers, put the
headers on, close the call. The steps are in :mod:`.steps`, their order is data of the provider
(``providers/<name>/editions.json``).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from pytest_llmcontract.core.account import Account
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.completion.answers import Answer
from pytest_llmcontract.core.completion.tokens import TokenEstimator
from pytest_llmcontract.core.contract.mismatch import Mismatch
from pytest_llmcontract.core.contract.request import RequestContract
from pytest_llmcontract.core.exchange import (
    ApiReply,
    ApiRequest,
    Disconnect,
    Forward,
    Headers,
    StreamEvents,
    Usage,
    kept_once,
)
from pytest_llmcontract.core.forms import File, audio_seconds, judged_body, read_form
from pytest_llmcontract.core.keys import key_names
from pytest_llmcontract.core.ledger import Call, Ledger
from pytest_llmcontract.core.limits.limiter import EXPECTED_OUTPUT, Limiter, Shortage
from pytest_llmcontract.core.profile import Edition
from pytest_llmcontract.core.replay import charge, judge, look_up
from pytest_llmcontract.core.routes import TEXT_OPERATIONS, Routes
from pytest_llmcontract.core.script import (
    Chaos,
    Latency,
    Outage,
    Script,
    ScriptedFault,
    ScriptedReply,
    Scripts,
    StreamCut,
    content_text,
)
from pytest_llmcontract.core.steps import STEPS, too_long, violation
from pytest_llmcontract.core.tape import Tape
from pytest_llmcontract.core.turn import Turn
from pytest_llmcontract.core.wire import DONE, Wire
from pytest_llmcontract.core.workload.costs import token_cost

T = TypeVar("T")

_PROMPT = Latency()
_USUAL_CONTEXT = 131_072
"""For a scripted refusal of a length where the edition knows no context of the model."""


class Simulator:
    """One provider, one account, one clock.

    Args:
        edition: What is known of the provider on its day.
        wire: The provider's form.
        contracts: The request contract of each operation that has one.
        account: Who calls.
        limiter: What is left.
        tokens: Counts what has no recorded count.
        clock: The time that all of it shares.
        journal: Where calls are noted beside the own ledger, in order with those of other providers.
        retires_within: Days before its retirement from which the use of a model is LLM108; 0: never.
        tape: The recordings of the test, if it has any.
    """

    def __init__(
        self,
        edition: Edition,
        wire: Wire,
        contracts: Mapping[str, RequestContract],
        account: Account,
        limiter: Limiter,
        tokens: TokenEstimator,
        clock: VirtualClock,
        journal: list[Call] | None = None,
        *,
        retires_within: int = 30,
        tape: Tape | None = None,
    ) -> None:
        self.edition = edition
        self.wire = wire
        self.account = account
        self.limiter = limiter
        self.tokens = tokens
        self.clock = clock
        self.retires_within = timedelta(retires_within)
        self.ledger = Ledger()
        self._journal = journal
        self.scripts = Scripts()
        self.request_ids: list[str] = []
        """Ids for the next requests, in place of made-up ones."""
        self.tape = tape
        self.forwards: dict[int, Forward] = {}
        """Calls that wait for the provider's own answer, by ``id()``."""
        self.routes = Routes(edition.base, edition.operations)
        self.key_name = key_names(edition.provider)[0]
        self._contracts = contracts
        self.lock = threading.RLock()

    def answer(self, request: ApiRequest) -> Call:
        """Answer *request* now; the call is in the ledger, with its reply, or waits for one in ``forwards``."""
        with self.lock:
            turn = self._open(request)
            turn.recorded = look_up(self, turn)
            for step in self.edition.path:
                reply = self._strike(turn, step) or (
                    judge(self, turn, step) if turn.recorded else STEPS[step](self, turn)
                )
                if reply is not None:
                    return self.close(turn, reply)
            assert id(turn.call) in self.forwards, f"the path of {self.edition.provider} does not end in an answer"
            return turn.call

    def _open(self, request: ApiRequest) -> Turn:
        operation, target = self.routes.find(request.method, request.path)
        body = request.json if isinstance(request.json, dict) else read_form(request)
        name = body.get("model")
        call = Call(
            provider=self.edition.provider,
            operation=operation,
            model=kept_once(name) if isinstance(name, str) else target if operation.startswith("models.") else "",
            request=request,
            at=self.clock.seconds,
            stream=body.get("stream") is True or body.get("stream_tokens") is True,  # Together's name until 2025
        )
        self.ledger.enter(call)
        if self._journal is not None:
            self._journal.append(call)
        now = self.clock.now
        request_id = self.request_ids.pop(0) if self.request_ids else self.wire.request_id(now)
        turn = Turn(request, call, now, call.at, request_id, body, target=target)
        turn.plan = call.plan = self.account.plan_name(turn.at)
        turn.model = self.edition.models.get(call.model)
        if contract := self._contracts.get(operation):
            # A retired model answers nothing at all: what it could not do does not matter any more.
            able = turn.model if turn.model and not turn.model.is_retired(now.date()) else None
            turn.mismatches = contract.check(judged_body(request), able)
            for mismatch in turn.mismatches:
                self._find_mismatch(turn, mismatch)
        if operation in TEXT_OPERATIONS and all(mismatch.error is None for mismatch in turn.mismatches):
            turn.prompt_tokens = self.tokens.prompt(body, call.model)
        turn.due = self._due(turn)
        return turn

    def _due(self, turn: Turn) -> Script | None:
        """The script whose turn it is with this call: the weather's, else the oldest that matches."""
        if not self.scripts:
            return None
        if (outage := self.scripts.first(turn.request, Outage)) and turn.at < _part(outage, Outage).until:
            turn.fault = _part(outage, Outage).fault
            return outage
        if (chaos := self.scripts.first(turn.request, Chaos)) and (fault := _part(chaos, Chaos).throw()):
            turn.fault = fault
            return chaos
        script = self.scripts.first(turn.request, ScriptedFault, ScriptedReply)
        if script and isinstance(script.part, ScriptedFault):
            turn.fault = script.part
        return script

    def _strike(self, turn: Turn, step: str) -> ApiReply | None:
        """The fault that the test scripted for this step of this call, if any. It is charged nothing."""
        if turn.fault is None or turn.due is None or turn.fault.step != step:
            return None
        self.scripts.use(turn.due, turn.call)
        turn.scripted = True
        turn.retry_after = turn.fault.retry_after
        turn.extra_headers = turn.fault.headers
        if step == "limiter":
            turn.shortage = self._scripted_shortage(turn, turn.fault)
        values = self._scripted_length(turn) if step == "size" else {}
        return self.refuse(turn, turn.fault.error, {**values, **turn.fault.values}, message=turn.fault.message)

    def _scripted_length(self, turn: Turn) -> dict[str, int]:
        """Numbers for a prompt that the test wants to be too long: its own where it is, else one token too many."""
        context = (turn.model.context if turn.model else None) or _USUAL_CONTEXT
        asked = turn.asked_tokens
        return too_long(context, max(turn.prompt_tokens, context - asked + 1), asked)

    def _scripted_shortage(self, turn: Turn, fault: ScriptedFault) -> Shortage | None:
        """Numbers for a 429 that the test asked for: the limit is drained, the call asks for what it asks."""
        if turn.model is None:
            return None
        buckets = self.limiter.buckets(turn.model.id)
        usual = {"rate_limit_exceeded": "RPM", "request_too_large": "TPM", "output_too_large": "OTPM"}
        wanted = (fault.limit or usual.get(fault.error, "RPM")).upper()
        if not buckets:
            return None
        kind = wanted if wanted in buckets else next(iter(buckets))
        bucket = buckets[kind]
        turn.limits = self.limiter.state(turn.model.id, turn.at)
        requested = self.charges(turn, asked=True).get(kind, 1)
        if fault.error == "request_too_large":
            return Shortage(kind, bucket.limit, 0, max(requested, bucket.limit + 1), 0)
        natural = bucket.wait(requested, turn.at) or requested / bucket.limit * bucket.window
        wait = natural if fault.retry_after is None else fault.retry_after
        return Shortage(kind, bucket.limit, bucket.limit, requested, wait)

    # What the steps answer with.

    def find(self, turn: Turn, code: str, message: str, **parts: Any) -> None:
        """Note a finding about this call."""
        finding = violation(self.edition.provider, turn, code, message, call=self.number_of(turn.call), **parts)
        turn.call.violations.append(finding)

    def number_of(self, call: Call) -> int:
        """Its index among all calls of the test, to whatever provider."""
        calls = self.ledger.calls if self._journal is None else self._journal
        return next(index for index in reversed(range(len(calls))) if calls[index] is call)

    def _find_mismatch(self, turn: Turn, mismatch: Mismatch) -> None:
        spec = self.edition.errors.get(mismatch.error or "")
        self.find(
            turn,
            mismatch.code,
            mismatch.message,
            path=mismatch.path,
            sent=mismatch.sent,
            allowed=mismatch.allowed,
            contract=mismatch.schema,
            answer=f"answers {spec.status} {spec.name}" if spec else "answers 200 and ignores it",
            fix=mismatch.fix,
            severity=None if mismatch.certain else "warning",
        )

    def refuse(
        self, turn: Turn, error: str, values: Mapping[str, Any] | None = None, *, message: str | None = None
    ) -> ApiReply:
        """An error of the catalogue, in the provider's form.

        Args:
            values: What fills the body's placeholders, beside those every call has.
            message: Replaces the text, where a test wants its own.
        """
        spec = self.edition.errors[error]
        turn.error = spec
        if spec.rate_headers and turn.model and not turn.limits:
            turn.limits = self.limiter.state(turn.model.id, turn.at)
        address = {"method": turn.request.method, "path": turn.request.path, "model": turn.call.model}
        known: dict[str, Any] = {**spec.defaults, **address, **self.account.names}
        known |= self.wire.shortage_values(turn) if turn.shortage else {}
        body = self.wire.refusal(turn, spec, known | dict(values or {}), message)
        return self._reply(turn, spec.status, body, error=error)

    def refuse_by_limit(self, turn: Turn) -> ApiReply:
        """The refusal of the limit that ran short (``turn.shortage``)."""
        return self.refuse(turn, self.wire.shortage_error(turn))

    def reply(self, turn: Turn, body: bytes, status: int = 200) -> ApiReply:
        """A whole body."""
        return self._reply(turn, status, body)

    def stream(self, turn: Turn, answer: Answer) -> ApiReply:
        """A success with a streamed body, ended as the test wants."""
        events, ending = self.ended(turn, list(self.wire.chunks(turn, answer)), [DONE])
        return self._reply(turn, 200, None, events=events, cut=ending)

    def ended(self, turn: Turn, events: list[bytes], done: list[bytes]) -> tuple[list[bytes], Disconnect | None]:
        """*events* and what ends them, or what a script leaves of them."""
        cut = self.scripts.first(turn.request, StreamCut) if self.scripts else None
        if cut is None:
            return events + done, None
        self.scripts.use(cut, turn.call)
        turn.scripted = True
        turn.whole = (*events, *done)
        return self._cut(turn, events, _part(cut, StreamCut))

    def _cut(self, turn: Turn, events: list[bytes], cut: StreamCut) -> tuple[list[bytes], Disconnect | None]:
        kept, lost = events[: cut.after], events[cut.after :]
        if cut.how == "error_event":
            turn.error = self.edition.errors[cut.error] if cut.error else self.edition.stream_error
            worded = turn.error.model_copy(update={"defaults": {**turn.error.defaults, **cut.values}})
            return kept + list(self.wire.error_chunk(turn, worded)), None
        if cut.how == "truncate":
            return kept + [_torn(lost[0])] * bool(lost), Disconnect("disconnect")
        return kept, Disconnect("stall" if cut.how == "stall" else "disconnect")

    def _reply(
        self,
        turn: Turn,
        status: int,
        body: bytes | None,
        *,
        events: Iterable[bytes] = (),
        cut: Disconnect | None = None,
        error: str | None = None,
    ) -> ApiReply:
        """A reply with its headers, scripted ones laid over them. *body* is ``None`` for a stream."""
        headers = {**self.wire.headers(turn, status, body), **turn.extra_headers}
        return self.sent(turn, status, headers, body, events=events, cut=cut, error=error)

    def sent(
        self,
        turn: Turn,
        status: int,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        events: Iterable[bytes] = (),
        cut: Disconnect | None = None,
        error: str | None = None,
    ) -> ApiReply:
        """A reply as it travels, as slowly as the test wants."""
        headers = Headers(headers)
        slow = self.scripts.first(turn.request, Latency) if self.scripts else None
        latency = _part(slow, Latency) if slow else _PROMPT
        if slow is not None:
            self.scripts.use(slow, turn.call)
        if body is not None:
            return ApiReply(status, headers, body, delay=latency.first_token, error=error, scripted=turn.scripted)
        data = list(events)
        pieces = StreamEvents(data, [latency.per_token if index else 0.0 for index in range(len(data))])
        return ApiReply(status, headers, events=pieces, cut=cut, delay=latency.first_token, scripted=turn.scripted)

    # What is charged, and kept.

    def charges(self, turn: Turn, *, asked: bool) -> dict[str, float]:
        """What a call counts, by kind of limit, before its answer is known.

        Args:
            asked: What a refusal names, the completion it asks for included; else what an admitted call takes at
                once: recorded headers show the prompt and one token more.

        Source: recorded headers and pasted refusals of 2025 and 2026; that ``max_tokens`` counts in full is assumed.
        """
        if turn.operation not in TEXT_OPERATIONS:
            file = turn.body.get("file")
            seconds = audio_seconds(file.data) if isinstance(file, File) else 0
            return {"RPM": 1, "RPD": 1, "ASH": seconds, "ASD": seconds}
        most = turn.asked_tokens
        dialect = self.edition.dialect
        maximum = dialect.refused_by == "maximum" if asked else dialect.admission == "maximum"
        tokens = self._estimate(turn) + (most - 1 if maximum and most else 0)
        charges: dict[str, float] = {"RPM": 1, "RPD": 1, "TPM": tokens, "TPD": tokens, "ITPM": turn.prompt_tokens}
        if asked:
            charges["OTPM"] = most or EXPECTED_OUTPUT
        return charges

    def _estimate(self, turn: Turn) -> int:
        """What an admitted request counts before its answer; older editions went by its characters."""
        dialect = self.edition.dialect
        if dialect.admission == "characters":
            messages = turn.body.get("messages") or ()
            return sum(len(content_text(message.get("content"))) for message in messages) // 4 + dialect.admission_extra
        return turn.prompt_tokens + dialect.admission_extra

    def settle(self, turn: Turn, usage: Usage) -> None:
        """Correct the estimate that was taken by what the call really used. Cached tokens do not count.

        Where the maximum was taken, nothing of it is given back: the completion comes on top. The one token that is
        taken where no maximum is named is (assumed).
        """
        assert turn.model is not None
        fresh = usage.input_tokens - usage.cached_tokens
        kept = turn.asked_tokens if self.edition.dialect.admission == "maximum" else 0
        used = {"TPM": fresh + kept + usage.output_tokens, "ITPM": fresh, "OTPM": usage.output_tokens}
        used["TPD"] = used["TPM"]
        owed = {kind: amount - turn.taken.get(kind, 0) for kind, amount in used.items()}
        self.limiter.take(turn.model.id, owed, turn.at)

    def close(self, turn: Turn, reply: ApiReply) -> Call:
        """The call has its reply: what it cost is charged, and all is in the ledger."""
        call = turn.call
        call.reply = reply
        call.took = reply.delay
        call.cost = turn.cost
        if turn.answer is not None and turn.model is not None:
            call.usage = turn.answer.usage
            call.cost = kept_once(token_cost(turn.model.prices, call.usage))
            self.settle(turn, call.usage)
        if turn.recorded is not None:
            charge(self, turn, reply)
        if call.cost:
            self.account.spend(call.cost, turn.at)
        if turn.model is not None and turn.limits:
            call.note_levels(*self.limiter.levels(turn.model.id, turn.at))
        call.counted = bool(turn.taken)
        call.audio_seconds = turn.taken.get("ASH", 0.0)
        call.shortage = turn.shortage
        self.ledger.settle(call)
        if self.tape is not None:
            self._tell(self.tape, turn, reply)
        call.request.forget()
        return call

    def _tell(self, tape: Tape, turn: Turn, reply: ApiReply) -> None:
        """Recordings keep a stream whole: a script that cut it cuts it again when it is replayed."""
        if turn.whole is not None:
            reply = replace(reply, events=StreamEvents(turn.whole, [0.0] * len(turn.whole)), cut=None)
        tape.told(turn.call, turn.target, reply, edition=self.edition.date, scripted=turn.scripted)


def _torn(event: bytes) -> bytes:
    """The first part of *event*, cut within a character where it holds one of several bytes."""
    text = event.decode("utf-8")
    wide = next((i for i, letter in enumerate(text) if ord(letter) > 127), None)
    return event[: len(event) // 2] if wide is None else event[: len(text[:wide].encode()) + 1]


def _part(script: Script, kind: type[T]) -> T:
    assert isinstance(script.part, kind)
    return script.part
