"""The steps of one call. Each may decide it and so end the path; :mod:`.simulator` walks them in the provider's order.

A step takes the state of the provider and the call under way. It notes what is wrong with the call (``turn.find``)
and returns a decision, or ``None`` to go on; it makes no reply.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from datetime import date
from fnmatch import fnmatchcase

from pytest_llmcontract.core.call.decision import Decision, Whole
from pytest_llmcontract.core.call.funds import refused_by_account
from pytest_llmcontract.core.call.judged import judge
from pytest_llmcontract.core.call.lenient import invented, pardoned
from pytest_llmcontract.core.call.multipart import File
from pytest_llmcontract.core.call.ours import not_simulated
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.facts.lifecycle import lifecycle_of
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.limits.charges import Charges
from pytest_llmcontract.core.limits.limiter import Shortage
from pytest_llmcontract.core.limits.rules import LimitState
from pytest_llmcontract.core.operations import OPERATIONS, operation_of
from pytest_llmcontract.core.refusal import Refusal
from pytest_llmcontract.core.secrets import says_secret

Step = Callable[[State, Turn], Decision | None]


def route(state: State, turn: Turn) -> Decision | None:
    """Is there such an operation?"""
    if turn.operation != "unknown":
        return None
    edition = state.edition
    sent = f"{turn.request.method} {turn.request.path}"
    near = state.routes.nearest(turn.path)
    turn.find(
        "LLM105",
        f"{sent} is not an address of {edition.provider}",
        path="url",
        sent=sent,
        allowed=f"{edition.base}/… of {', '.join(edition.hosts)}",
        fix=f"use {near}" if near else "compare the client's base_url with the provider's documentation",
    )
    return edition.refusal("unknown_address")


def _has_gateway_key(state: State, turn: Turn) -> bool:
    """Gateways hold the provider's key, and have each a header of their own for theirs."""
    headers = turn.request.headers
    return turn.request.host in state.edition.gateways and any(headers[name] for name in headers if says_secret(name))


def key(state: State, turn: Turn) -> Decision | None:
    """Does a credential come along, in the right place? Any key is a good one."""
    if operation_of(turn).public or _has_gateway_key(state, turn):
        return None
    scheme, _, secret = turn.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret:
        return None
    misplaced = [name for name in ("x-api-key", "api-key") if name in turn.request.headers]
    if "key=" in turn.request.url or "token=" in turn.request.url:
        misplaced.append("the query string")
    turn.find(
        "LLM106",
        "the API key is missing" if not misplaced and not scheme else "the API key is in the wrong place",
        path="headers.authorization",
        sent=f"a key in {misplaced[0]}" if misplaced else f"authorization: {scheme or 'nothing'}",
        allowed="Authorization: Bearer <key>",
        fix=f"set {state.key_name}, or give the client its api_key",
    )
    return state.edition.refusal("no_key", operation=turn.operation)


def contract(state: State, turn: Turn) -> Decision | None:
    """Is the body what the provider accepts? What is wrong was noted when the call was opened; this refuses it."""
    if too_big := _upload(state, turn):
        return too_big
    for mismatch in turn.mismatches:
        if mismatch.error:
            return Refusal(mismatch.error, mismatch.detail)
    return None


def _upload(state: State, turn: Turn) -> Refusal | None:
    """Is a file of the form too big? It is refused before anybody looks at the form."""
    most = operation_of(turn).upload_bytes(state)
    sizes = {name: len(value.data) for name, value in turn.body.items() if isinstance(value, File)}
    name = next((name for name, size in sizes.items() if most is not None and size > most), None)
    if name is None:
        return None
    turn.find(
        "LLM107",
        f"$.{name} has {sizes[name]:,} bytes, more than the {most:,} that may be uploaded",
        path=f"$.{name}",
        sent=f"{sizes[name]:,} bytes",
        allowed=f"at most {most:,} bytes",
        fix="send a smaller file, or the address of one where the provider takes it",
    )
    return Refusal("payload_too_large")


def account(state: State, turn: Turn) -> Decision | None:
    """May this account call at all, this operation, and in this lane?"""
    if refused := None if state.lenient else _not_on_plan(state, turn):
        return refused
    if turn.lane.plans and turn.plan not in turn.lane.plans and not state.lenient:
        turn.find(
            "LLM102",
            f"the plan {turn.plan!r} has no service tier {turn.lane.name!r}",
            path="$.service_tier",
            sent=str(turn.body.get("service_tier")),
            allowed=f"another tier, or the plan {' or '.join(turn.lane.plans)}",
            fix=f"leave service_tier out, or test with plan={turn.lane.plans[0]!r} if that is the account's",
        )
        return state.edition.refusal("lane_not_on_plan", {"service_tier": turn.body.get("service_tier")})
    refusal = state.account.refusal(turn.at)
    return refused_by_account(state, turn, refusal) if refusal else None


def _not_on_plan(state: State, turn: Turn) -> Refusal | None:
    lacking = state.edition.dialect.not_on_plan.get(turn.plan, ())
    if not any(fnmatchcase(turn.operation, name) for name in lacking):
        return None
    having = [plan for plan in state.edition.plans if plan not in state.edition.dialect.not_on_plan]
    turn.find(
        "LLM102",
        f"the plan {turn.plan!r} has no {turn.operation}",
        path="url",
        sent=f"{turn.request.method} {turn.request.path}",
        allowed=f"the plan {' or '.join(having)}",
        fix=f"test with plan={having[0]!r} if that is the account's" if having else "",
    )
    return state.edition.refusal("not_on_plan", operation=turn.operation)


def model(state: State, turn: Turn) -> Decision | None:
    """Does the model exist, does it still answer, and may this account use it?"""
    name, known, today = turn.call.model, turn.model, turn.now.date()
    if not name or not operation_of(turn).calls_model:
        return None
    if known is None or known.since > today:
        turn.find(
            "LLM103",
            f"the model {name!r} does not exist",
            path="$.model",
            sent=name,
            allowed=f"a model that {_list_of(state)} lists",
            fix=_nearest_model(state, name),
        )
        return state.edition.refusal("unknown_model")
    if known.is_retired(today):
        turn.find(
            "LLM104",
            f"the model {name!r} is retired since {known.retired}",
            path="$.model",
            sent=name,
            allowed=f"a model that answers on {today}",
            fix=_successor(state, name, today),
        )
        return state.edition.refusal("unknown_model" if known.kept_for_some else "retired_model")
    if gate := state.gates.get(name):
        if refused := gate(turn.at):
            return refused
    elif refused := _not_open(state, turn, known):
        return refused
    if not operation_of(turn).suits(known):
        return _unable(state, turn, known)
    if not turn.lane.answers(known):
        return _not_in_lane(state, turn, known)
    if not turn.target and (end := _end_of(state, known)) is not None:
        _warn_of_retirement(state, turn, end)
    return None


def _not_open(state: State, turn: Turn, known: Model) -> Refusal | None:
    """A model of the provider's that does not answer everybody."""
    if not known.serverless:
        _find_gone(state, turn, known)
        return state.edition.refusal("not_serverless")
    if denied := state.account.access(known, turn.at):
        turn.find(denied.code, denied.message, path="$.model", sent=known.id, fix=denied.fix)
        return denied.refusal
    return None


def _unable(state: State, turn: Turn, known: Model) -> Decision | None:
    """A model that cannot do what is asked. Where the provider hands the call on to it, that refuses it in the end."""
    operation = operation_of(turn)
    kinds = " or ".join(operation.models)
    turn.find(
        "LLM102",
        f"{known.id} is of the type {known.type!r} and does no {operation.does}",
        path="$.model",
        sent=known.id,
        allowed=f"a model of the type {kinds}",
        fix=f"choose one that {_list_of(state)} lists with that type",
    )
    refusal = state.edition.refusal("wrong_model", {"does": operation.does}, operation=turn.operation)
    if state.edition.errors[refusal.error].step == "answer":
        turn.unable = refusal
        return None
    return refusal


def _not_in_lane(state: State, turn: Turn, known: Model) -> Refusal:
    turn.find(
        "LLM102",
        f"the model {known.id!r} is not answered in the service tier {turn.lane.name!r}",
        path="$.model",
        sent=known.id,
        allowed=", ".join(turn.lane.takes) or f"a model other than {', '.join(turn.lane.lacks)}",
        fix="ask it live, or choose a model that is",
    )
    return state.edition.refusal("not_in_lane")


def _find_gone(state: State, turn: Turn, known: Model) -> None:
    """A model that the provider took out of its usual service is as dead as another to those who call it."""
    row = lifecycle_of(state.edition.provider).gone(known.id)
    if row is not None and row.on <= turn.now.date():
        turn.find(
            "LLM104",
            f"the model {known.id!r} answers on a dedicated endpoint alone since {row.on}",
            path="$.model",
            sent=known.id,
            allowed=f"a model that answers on {turn.now.date()}",
            fix=_successor(state, known.id, turn.now.date()),
        )


def _end_of(state: State, known: Model) -> date | None:
    """The day on which a model goes, as far as it is known."""
    if known.retired is not None or known.source == "user":
        return known.retired
    row = lifecycle_of(state.edition.provider).gone(known.id)
    return row.on if row else None


def _successor(state: State, name: str, day: date) -> str:
    named = lifecycle_of(state.edition.provider).successors(name, day)
    listed = f"choose a model that {_list_of(state)} lists as current"
    return f"{state.edition.provider} recommends {' or '.join(named)}" if named else listed


def _list_of(state: State) -> str:
    return f"`llmcontract models {state.edition.provider}`"


def _warn_of_retirement(state: State, turn: Turn, retired: date) -> None:
    """The model still answers; it will not for long. The message is the same on every day, so that it counts once."""
    day = max(turn.now.date(), state.today)
    left = retired - day
    if left > state.retires_within or not state.retires_within:
        return
    gone = f"which is gone on {day}" if left.days <= 0 else f"{left.days} {'day' if left.days == 1 else 'days'} before"
    turn.find(
        "LLM108",
        f"the model {turn.call.model!r} retires on {retired}",
        path="$.model",
        sent=f"{turn.call.model} on {turn.now.date()}, {gone}",
        answer=f"refuses it from {retired} on",
        fix=f"{_successor(state, turn.call.model, day)};\n"
        "the ini key llmcontract_retires_within sets how early this is told (days; 0 never)",
    )


def _nearest_model(state: State, name: str) -> str:
    near = difflib.get_close_matches(name, state.edition.models, n=1)
    known = f"did you mean {near[0]!r}? If the model is newer" if near else "if the model is newer"
    return f"{known} than this edition, add it: models={{{name!r}: {{…}}}}"


def size(state: State, turn: Turn) -> Decision | None:
    """Do prompt and completion fit the model's context?"""
    if turn.model is None or turn.model.context is None or not operation_of(turn).reads_text:
        return None
    asked = turn.asked_tokens if turn.model.says != "probability" else 0
    total = turn.prompt_tokens + asked
    if total <= turn.model.context:
        return None
    turn.find(
        "LLM107",
        f"{total} tokens do not fit the {turn.model.context} of {turn.model.id}",
        path=f"$.{next((name for name in _PROMPTS if name in turn.body), _PROMPTS[0])}",
        sent=f"{turn.prompt_tokens} tokens of prompt (estimated) and {asked} of completion",
        allowed=f"{turn.model.context} together",
        fix="shorten the messages or ask for fewer tokens",
    )
    reason = "too_long_elsewhere" if turn.model.third_party else "too_long"
    return state.edition.refusal(reason, too_long(turn.model.context, turn.prompt_tokens, asked))


_PROMPTS = ("messages", "input", "prompt")
"""Where a request has what is counted in tokens."""


def too_long(context: int, prompt_tokens: int, asked: int) -> dict[str, int]:
    """The numbers in the refusal of a prompt of *prompt_tokens* with a completion of *asked*."""
    return {
        "context": context,
        "prompt_tokens": prompt_tokens,
        "max_tokens": asked,
        "total": prompt_tokens + asked,
        "limit": context + 1,  # the texts of 2024 and 2025 name the first length that is too much
    }


def limiter(state: State, turn: Turn) -> Decision | None:
    """Is something left of every limit? Then what the call counts is taken from it."""
    if turn.model is None or turn.model.dedicated or turn.invented:
        return None
    counted = operation_of(turn).counted(state, turn)
    charges = counted.charges()
    for lane in state.edition.lanes_of(turn.lane):
        turn.lane = lane
        turn.shortage = _admitted(state, turn, charges)
        if turn.shortage is None:
            turn.counted, turn.taken = counted, charges.taken
            return None
    return Refusal(state.envelope.shortage_error(turn))


def _admitted(state: State, turn: Turn, charges: Charges) -> Shortage | None:
    """Let the call in, by the limits of its lane and by those of the key's share of the account: by both, or nothing
    is taken. A lane with limits of its own is not shared out."""
    assert turn.model is not None
    model, limiter = turn.model.id, state.pool(turn.lane)
    share = state.account.share(turn.request) if turn.lane.limits is None else None
    turn.rules = limiter.rules(model)
    shortage = share.admit(model, charges, turn.at) if share is not None else None
    if shortage is None:
        shortage = limiter.admit(model, charges, turn.at, turn.rules)
        if share is not None and shortage is not None:
            share.take(model, {kind: -amount for kind, amount in charges.taken.items()}, turn.at)
    turn.limits = limiter.state(model, turn.at, turn.rules)
    if share is not None:
        turn.limits |= _scarcer(turn.limits, share.state(model, turn.at))
    return shortage


def _scarcer(ours: Mapping[str, LimitState], share: Mapping[str, LimitState]) -> dict[str, LimitState]:
    """Of the limits of a share, those of which less is left than of the account's."""
    return {kind: state for kind, state in share.items() if kind not in ours or state.remaining < ours[kind].remaining}


def capacity(state: State, turn: Turn) -> Decision | None:
    """Has the provider room? It always has, unless a test says otherwise."""
    if state.capacity.has_room(turn.lane):
        return None
    if turn.model is not None:
        # What is refused at once has used nothing (assumed).
        given_back = {kind: -amount for kind, amount in turn.taken.items()}
        state.pool(turn.lane).take(turn.model.id, given_back, turn.at, turn.rules)
    return Refusal(turn.lane.room)


def answer(state: State, turn: Turn) -> Decision:
    """Answer: as the test scripted it, else as the simulator makes it up."""
    if turn.unable is not None:
        return turn.unable
    wanted = _NOTHING
    if turn.due is not None and isinstance(turn.due.part, ScriptedReply):
        wanted = turn.due.part
        state.scripts.use(turn.due, turn.call)
        turn.scripted = True
        turn.extra_headers = wanted.headers
        judge(state, turn, turn.due, wanted)
    if wanted.body is not None:
        return Whole(wanted.body, operation_of(turn).status_of(state))
    if not state.lenient:
        return _answered(state, turn, wanted)
    return _answered_leniently(state, turn, wanted)


_NOTHING = ScriptedReply()


def _answered(state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
    if turn.operation not in OPERATIONS or turn.operation not in state.envelope.forms:
        return _not_simulated(turn)
    return operation_of(turn).answer(state, turn, wanted)


def _answered_leniently(state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
    """What it cannot answer otherwise is invented, and is no finding then."""
    if turn.invented and (made_up := invented(state, turn)):
        return made_up
    found = len(turn.call.violations)
    decided = _answered(state, turn, wanted)
    if not pardoned(state, decided) or (made_up := invented(state, turn)) is None:
        return decided
    del turn.call.violations[found:]
    return made_up


def _not_simulated(turn: Turn) -> Whole:
    """An operation that the provider has and this version does not answer."""
    text = f"pytest-llmcontract does not simulate {turn.call.provider} {turn.operation}"
    turn.find("LLM204", "nothing answers this operation", fix=f"{text} yet: script it with reply(body=…)")
    return not_simulated(text)


STEPS: Mapping[str, Step] = {
    step.__name__: step for step in (route, key, contract, account, model, size, limiter, capacity, answer)
}
"""Every step by the name that an edition's ``path`` uses."""

OUTSIDE = frozenset({"key", "limiter"})
"""Steps for calls from outside alone: a line of a batch has passed the key with its batch, and has limits of its own.

An account that cannot pay any more refuses lines as well (assumed)."""

FIND_ONLY = frozenset({"route", "key", "model"})
"""Steps that a recorded call takes too, for what they find: the provider has decided it, so they do not. The length of
a prompt is only estimated, and limits are charged by what the recording reports."""
