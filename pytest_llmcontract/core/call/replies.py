"""Makes a reply of a decision: in the provider's form, and as slow or cut as the test scripted it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote

from pytest_llmcontract.core.call.decision import Decision, Played, Whole
from pytest_llmcontract.core.call.form import DONE, TypedForm, worded
from pytest_llmcontract.core.call.script import Latency, Part, Script, ScriptedReply, StreamCut
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.reported import error_name
from pytest_llmcontract.core.exchange import ApiReply, Disconnect, Headers, StreamEvents
from pytest_llmcontract.core.operations import operation_of
from pytest_llmcontract.core.refusal import Refusal

if TYPE_CHECKING:
    from pytest_llmcontract.core.call.form import StreamForm

T = TypeVar("T")

_PROMPT = Latency()
_NOT_ANSWERED_BY_US = ("content-length", "content-encoding", "transfer-encoding")
"""Recorded headers that speak of the wire, not of the body as it reads."""


def make_reply(state: State, turn: Turn, decision: Decision) -> ApiReply:
    """The reply that *decision* means."""
    if isinstance(decision, Refusal):
        return _refused(state, turn, decision)
    if isinstance(decision, Played):
        return _played(state, turn, decision)
    if isinstance(decision, Whole):
        turn.content_type = decision.content_type or _usual_type(state, turn, decision.body)
        turn.extra_headers = {**decision.headers, **turn.extra_headers}
        return _reply(state, turn, decision.status, state.envelope.encoded(decision.body))
    return _answered(state, turn, decision)


def _usual_type(state: State, turn: Turn, body: Any) -> str:
    """Of a text or bytes that a test scripted: that of the operation's own answers."""
    form = state.envelope.forms.get(turn.operation)
    return form.type_of(turn) if isinstance(form, TypedForm) and isinstance(body, str | bytes) else ""


def _answered(state: State, turn: Turn, answer: Any) -> ApiReply:
    form, operation = state.envelope.forms[turn.operation], operation_of(turn)
    if isinstance(form, TypedForm):
        turn.content_type = form.type_of(turn)
    if not (turn.call.stream and operation.streams):
        return _reply(state, turn, operation.status_of(state), form.body(turn, answer))
    done = [DONE] if operation.says_done else []
    events, ending = _ended(state, turn, list(cast("StreamForm", form).events(turn, answer)), done)
    return _reply(state, turn, 200, None, events=events, cut=ending)


def _refused(state: State, turn: Turn, refusal: Refusal) -> ApiReply:
    spec = state.edition.errors[refusal.error]
    turn.error = spec
    if spec.rate_headers and turn.model and not turn.limits:
        turn.limits = state.pool(turn.lane).state(turn.model.id, turn.at)
    address = {"method": turn.request.method, "path": turn.path, "model": turn.call.model}
    address["model_in_url"] = quote(turn.call.model, safe="")
    known: dict[str, Any] = {**spec.defaults, **address, **state.account.names}
    known |= state.envelope.shortage_values(turn) if turn.shortage else {}
    if refusal.body is not None:
        body = state.envelope.encoded(refusal.body)
    else:
        body = state.envelope.refusal(turn, spec, known | dict(refusal.values), refusal.message)
    return _reply(state, turn, spec.status, body, error=refusal.error)


def _played(state: State, turn: Turn, decision: Played) -> ApiReply:
    """The recorded reply, as it was; or ours, which says why there is none."""
    reply = decision.recorded.reply
    assert reply is not None
    if decision.recorded.finding is not None:
        return reply
    turn.call.recorded = True
    turn.scripted = decision.recorded.scripted
    if turn.due is not None and isinstance(turn.due.part, ScriptedReply):
        state.scripts.use(turn.due, turn.call)  # the recording is of its answer, or in place of it
    headers = {name: value for name, value in reply.headers.items() if name.lower() not in _NOT_ANSWERED_BY_US}
    error = error_name(reply, state.edition)
    if reply.events is None:
        return _sent(state, turn, reply.status, headers, reply.body, cut=reply.cut, error=error)
    events = [event.data for event in reply.events]
    done = [events.pop()] if events and events[-1].strip() == DONE.strip() else []
    kept, cut = _ended(state, turn, events, done)
    return _sent(state, turn, reply.status, headers, None, events=kept, cut=cut or reply.cut, error=error)


# As the test wants it: cut, and slow.


def _ended(state: State, turn: Turn, events: list[bytes], done: list[bytes]) -> tuple[list[bytes], Disconnect | None]:
    """*events* and what ends them, or what a script leaves of them."""
    if (part := _cut(state, turn)) is None:
        return events + done, None
    turn.whole = (*events, *done)
    kept = _kept(events, part) if part.at_byte is None else _up_to(events + done, part.at_byte)
    if part.how == "error_event":
        return kept + _error_events(state, turn, part), None
    return kept, _broken_off(part)


def _file_ended(state: State, turn: Turn, data: bytes, ended: Disconnect | None) -> tuple[bytes, Disconnect | None]:
    """What arrives of a file, and what ends it; *ended*: without a script."""
    if (part := _cut(state, turn, _cuts_files)) is None:
        return data, ended
    turn.whole = data
    return data[: part.at_byte], _broken_off(part)


def _cut(state: State, turn: Turn, suits: Callable[[Part], bool] = lambda part: True) -> StreamCut | None:
    """The script that ends the answer too early, which is used then."""
    cut = state.scripts.first(turn.request, StreamCut, suits=suits) if state.scripts else None
    if cut is None:
        return None
    state.scripts.use(cut, turn.call)
    turn.scripted = True
    return part_of(cut, StreamCut)


def _cuts_files(part: Part) -> bool:
    return isinstance(part, StreamCut) and part.cuts_files


def _is_file(status: int, headers: Headers) -> bool:
    """Sound, a picture, what is in a file: a client reads it piece by piece, as it reads a stream."""
    return status == 200 and "json" not in headers.get("content-type", "json")


def _broken_off(cut: StreamCut) -> Disconnect:
    return Disconnect("stall" if cut.how == "stall" else "disconnect")


def _kept(events: list[bytes], cut: StreamCut) -> list[bytes]:
    """What arrives of *events*, counted in events."""
    kept, lost = events[: cut.after], events[cut.after :]
    return [*kept, _torn(lost[0])] if cut.how == "truncate" and lost else kept


def _error_events(state: State, turn: Turn, cut: StreamCut) -> list[bytes]:
    turn.error = state.edition.errors[cut.error] if cut.error else state.edition.stream_error
    said: dict[str, Any] = {"defaults": {**turn.error.defaults, **cut.values}}
    if cut.body is not None:  # as it is, braces and all
        said = {"body": "{said}", "defaults": {"said": cut.body}}
    elif "message" in cut.values:
        said["body"] = worded(turn.error.body, "{message}")
    return list(state.envelope.error_events(turn, turn.error.model_copy(update=said)))


def _up_to(events: list[bytes], end: int) -> list[bytes]:
    """The first *end* bytes of *events*, in the pieces they come in."""
    kept = []
    for event in events:
        if end <= 0:
            break
        kept.append(event[:end])
        end -= len(event)
    return kept


def _torn(event: bytes) -> bytes:
    """The first part of *event*, cut within a character where it holds one of several bytes."""
    text = event.decode("utf-8")
    wide = next((i for i, letter in enumerate(text) if ord(letter) > 127), None)
    return event[: len(event) // 2] if wide is None else event[: len(text[:wide].encode()) + 1]


def _reply(
    state: State,
    turn: Turn,
    status: int,
    body: bytes | None,
    *,
    events: Iterable[bytes] = (),
    cut: Disconnect | None = None,
    error: str | None = None,
) -> ApiReply:
    """A reply with its headers, scripted ones laid over them. *body* is ``None`` for a stream."""
    headers = state.envelope.headers(turn, status, body)
    if turn.extra_headers:
        headers |= turn.extra_headers
    return _sent(state, turn, status, headers, body, events=events, cut=cut, error=error)


def _sent(
    state: State,
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
    slow = state.scripts.every(turn.request, Latency) if state.scripts else None
    latency = part_of(slow[-1], Latency) if slow else _PROMPT
    if slow:
        state.scripts.use(slow[-1], turn.call)
    fields = Headers(headers)
    if body is not None:
        if state.scripts and _is_file(status, fields):
            body, cut = _file_ended(state, turn, body, cut)
        return ApiReply(status, fields, body, cut=cut, delay=latency.first_token, error=error, scripted=turn.scripted)
    data = list(events)
    pieces = StreamEvents(data, [latency.per_token if index else 0.0 for index in range(len(data))])
    return ApiReply(status, fields, events=pieces, cut=cut, delay=latency.first_token, scripted=turn.scripted)


def part_of(script: Script, kind: type[T]) -> T:
    """What *script* does, known to be of one *kind*."""
    assert isinstance(script.part, kind)
    return script.part
