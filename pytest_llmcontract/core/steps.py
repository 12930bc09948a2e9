"""The steps of one call. Each may answer and so end the path; :mod:`.simulator` walks them in the provider's order.

A step takes the simulator and the call under way. It returns the reply that ends the path, or ``None``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pytest_llmcontract.core.completion.answers import compose
from pytest_llmcontract.core.completion.synthesis import Unsatisfiable
from pytest_llmcontract.core.exchange import ApiReply
from pytest_llmcontract.core.profile import Model
from pytest_llmcontract.core.routes import TEXT_OPERATIONS
from pytest_llmcontract.core.rules import RULES, Severity, Violation
from pytest_llmcontract.core.script import ScriptedReply
from pytest_llmcontract.core.session import SESSION
from pytest_llmcontract.core.turn import Turn
from pytest_llmcontract.core.workload.costs import image_cost

if TYPE_CHECKING:
    from pytest_llmcontract.core.simulator import Simulator

Step = Callable[["Simulator", Turn], ApiReply | None]

PUBLIC_OPERATIONS = frozenset({"images.content"})
"""What needs no key: the address is the secret."""


def route(sim: Simulator, turn: Turn) -> ApiReply | None:
    """Is there such an operation?"""
    if turn.operation != "unknown":
        return None
    sent = f"{turn.request.method} {turn.request.path}"
    near = sim.routes.nearest(turn.request.path)
    sim.find(
        turn,
        "LLM105",
        f"{sent} is not an address of {sim.edition.provider}",
        path="url",
        sent=sent,
        allowed=f"{sim.edition.base}/… of {', '.join(sim.edition.hosts)}",
        fix=f"use {near}" if near else "compare the client's base_url with the provider's documentation",
    )
    return sim.refuse(turn, "unknown_url")


def key(sim: Simulator, turn: Turn) -> ApiReply | None:
    """Does a credential come along, in the right place? Any key is a good one."""
    if turn.operation in PUBLIC_OPERATIONS:
        return None
    scheme, _, secret = turn.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret:
        return None
    misplaced = [name for name in ("x-api-key", "api-key") if name in turn.request.headers]
    if "key=" in turn.request.url or "token=" in turn.request.url:
        misplaced.append("the query string")
    sent = f"a key in {misplaced[0]}" if misplaced else f"authorization: {scheme or 'nothing'}"
    sim.find(
        turn,
        "LLM106",
        "the API key is missing" if not misplaced and not scheme else "the API key is in the wrong place",
        path="headers.authorization",
        sent=sent,
        allowed="Authorization: Bearer <key>",
        fix=f"set {sim.key_name}, or give the client its api_key",
    )
    # Together's models list has words of its own for it.
    listing = turn.operation == "models.list" and "unauthorized" in sim.edition.errors
    return sim.refuse(turn, "unauthorized" if listing else "invalid_api_key")


def contract(sim: Simulator, turn: Turn) -> ApiReply | None:
    """Is the body what the provider accepts? The findings are in the ledger already; this gives the refusal."""
    for mismatch in turn.mismatches:
        if mismatch.error:
            return sim.refuse(turn, mismatch.error, mismatch.detail)
    return None


def account(sim: Simulator, turn: Turn) -> ApiReply | None:
    """May this account call at all?"""
    tier = turn.body.get("service_tier")
    refusal = sim.account.refusal(turn.at, tier)
    return sim.refuse(turn, refusal, {"service_tier": tier} if tier else None) if refusal else None


def model(sim: Simulator, turn: Turn) -> ApiReply | None:
    """Does the model exist, does it still answer, and may this account use it?"""
    name = turn.call.model
    if not name:
        return None
    known = turn.model
    if known is None or known.since > turn.now.date():
        sim.find(
            turn,
            "LLM103",
            f"the model {name!r} does not exist",
            path="$.model",
            sent=name,
            allowed="a model that `llmcontract models " + sim.edition.provider + "` lists",
            fix=_nearest_model(sim, name),
        )
        return sim.refuse(turn, "model_not_found")
    if known.is_retired(turn.now.date()):
        sim.find(
            turn,
            "LLM104",
            f"the model {name!r} is retired since {known.retired}",
            path="$.model",
            sent=name,
            allowed=f"a model that answers on {turn.now.date()}",
            fix="choose a model that `llmcontract models " + sim.edition.provider + "` lists as current",
        )
        # Together has no words of its own for it, nor Groq for one that some still have: the model is gone.
        told = "model_decommissioned" in sim.edition.errors and not known.kept_for_some
        return sim.refuse(turn, "model_decommissioned" if told else "model_not_found")
    refusal = _access(sim, turn)
    if refusal is None and known.retired is not None and not turn.target:
        _warn_of_retirement(sim, turn, known.retired)
    return refusal


def _warn_of_retirement(sim: Simulator, turn: Turn, retired: date) -> None:
    """The model still answers; it will not for long. The message is the same on every day, so that it counts once."""
    left = retired - turn.now.date()
    if left > sim.retires_within:
        return
    sim.find(
        turn,
        "LLM108",
        f"the model {turn.call.model!r} retires on {retired}",
        path="$.model",
        sent=f"{turn.call.model} on {turn.now.date()}, {left.days} {'day' if left.days == 1 else 'days'} before",
        answer=f"refuses it from {retired} on",
        fix="move to a model that `llmcontract models " + sim.edition.provider + "` lists as current;\n"
        "the ini key llmcontract_retires_within sets how early this is told (days; 0 never)",
    )


def _nearest_model(sim: Simulator, name: str) -> str:
    near = difflib.get_close_matches(name, sim.edition.models, n=1)
    known = f"did you mean {near[0]!r}? If the model is newer" if near else "if the model is newer"
    return f"{known} than this edition, add it: models={{{name!r}: {{…}}}}"


def _access(sim: Simulator, turn: Turn) -> ApiReply | None:
    """Together: dedicated models, and Build Tiers."""
    assert turn.model is not None
    if not turn.model.serverless:
        return sim.refuse(turn, "model_not_serverless")
    if turn.model.tier > sim.account.tier_in_force(turn.at):
        sim.find(
            turn,
            "LLM502",
            f"{turn.model.id} needs Build Tier {turn.model.tier}; "
            f"tier {sim.account.tier_in_force(turn.at)} is in force",
            path="$.model",
            sent=turn.model.id,
            fix="buy credits up to the tier's lifetime spend, and wait until it is in force",
        )
        return sim.refuse(turn, "tier_restricted", {"tier": turn.model.tier})
    return None


def size(sim: Simulator, turn: Turn) -> ApiReply | None:
    """Do prompt and completion fit the model's context?"""
    if turn.model is None or turn.model.context is None or turn.operation not in TEXT_OPERATIONS:
        return None
    asked = turn.asked_tokens
    total = turn.prompt_tokens + asked
    if total <= turn.model.context:
        return None
    sim.find(
        turn,
        "LLM107",
        f"{total} tokens do not fit the {turn.model.context} of {turn.model.id}",
        path="$.messages",
        sent=f"{turn.prompt_tokens} tokens of prompt (estimated) and {asked} of completion",
        allowed=f"{turn.model.context} together",
        fix="shorten the messages or ask for fewer tokens",
    )
    elsewhere = turn.model.third_party and "context_length_exceeded_third_party" in sim.edition.errors
    name = "context_length_exceeded_third_party" if elsewhere else "context_length_exceeded"
    return sim.refuse(turn, name, too_long(turn.model.context, turn.prompt_tokens, asked))


def too_long(context: int, prompt_tokens: int, asked: int) -> dict[str, int]:
    """The numbers in the refusal of a prompt of *prompt_tokens* with a completion of *asked*."""
    return {
        "context": context,
        "prompt_tokens": prompt_tokens,
        "max_tokens": asked,
        "total": prompt_tokens + asked,
        "limit": context + 1,  # the texts of 2024 and 2025 name the first length that is too much
    }


def limiter(sim: Simulator, turn: Turn) -> ApiReply | None:
    """Is something left of every limit? Then the call's own estimate is taken from it."""
    if turn.model is None:
        return None
    turn.shortage = sim.limiter.shortage(turn.model.id, sim.charges(turn, asked=True), turn.at)
    if turn.shortage is None:
        turn.taken = sim.charges(turn, asked=False)
        sim.limiter.take(turn.model.id, turn.taken, turn.at)
        turn.limits = sim.limiter.state(turn.model.id, turn.at)
        return None
    turn.limits = sim.limiter.state(turn.model.id, turn.at)
    return sim.refuse_by_limit(turn)


def capacity(sim: Simulator, turn: Turn) -> ApiReply | None:
    """Has the provider room? It always has, unless a test scripts otherwise."""
    return None


def answer(sim: Simulator, turn: Turn) -> ApiReply | None:
    """Answer: as the test scripted it, else as the simulator makes it up."""
    part = _NOTHING
    if turn.due is not None and isinstance(turn.due.part, ScriptedReply):
        part = turn.due.part
        sim.scripts.use(turn.due, turn.call)
        turn.scripted = True
        turn.extra_headers = part.headers
    if part.body is not None:
        return sim.reply(turn, sim.wire.encoded(part.body))
    if turn.operation not in OPERATIONS:
        return _not_simulated(sim, turn)
    return OPERATIONS[turn.operation](sim, turn, part)


_NOTHING = ScriptedReply()


def _chat(sim: Simulator, turn: Turn, part: ScriptedReply) -> ApiReply:
    assert turn.model is not None
    try:
        turn.answer = compose(
            turn.body, turn.model, part, sim.tokens, turn.prompt_tokens, assumed_output=SESSION.assumed_output
        )
    except Unsatisfiable as problem:
        return _no_answer(sim, turn, problem)
    if turn.call.stream:
        return sim.stream(turn, turn.answer)
    return sim.reply(turn, sim.wire.completion(turn, turn.answer))


def _text(sim: Simulator, turn: Turn, part: ScriptedReply) -> ApiReply:
    """A completion of a bare prompt: a chat without messages."""
    if turn.model is None:
        return sim.refuse(turn, "invalid_request_no_model")
    return _chat(sim, turn, part)


def _picture(sim: Simulator, turn: Turn, part: ScriptedReply) -> ApiReply:
    return sim.reply(turn, sim.wire.picture(turn))


def _no_answer(sim: Simulator, turn: Turn, problem: Unsatisfiable) -> ApiReply:
    """No value fits the schema that the request wants its answer in: no model could give one either."""
    fix = "correct the schema, or script the answer with reply(structured=…)"
    sim.find(turn, "LLM102", f"nothing conforms to the schema: {problem}", fix=fix)
    failed = "json_validate_failed" if "json_validate_failed" in sim.edition.errors else "invalid_request"
    return sim.refuse(turn, failed)


def _models(sim: Simulator, turn: Turn, part: ScriptedReply) -> ApiReply:
    today = turn.now.date()
    listed = {
        model.id: model
        for model in sim.edition.models.values()
        if model.since <= today and not model.is_retired(today)
        and model.tier <= sim.account.tier_in_force(turn.at)
    }  # fmt: skip
    return sim.reply(turn, sim.wire.models(turn, listed))


def _model(sim: Simulator, turn: Turn, part: ScriptedReply) -> ApiReply:
    assert turn.model is not None
    return sim.reply(turn, sim.wire.one_model(turn, turn.model))


def _images(sim: Simulator, turn: Turn, part: ScriptedReply) -> ApiReply:
    assert turn.model is not None
    if turn.model.type != "image":
        # Recorded: the server does not expect it either.
        message = f"{turn.model.id} makes no images"
        sim.find(turn, "LLM102", message, path="$.model", sent=turn.model.id, fix="choose an image model")
        return sim.refuse(turn, "server_error")
    turn.cost = images_price(turn.model, turn.body)
    return sim.reply(turn, sim.wire.images(turn))


def images_price(model: Model, body: Mapping[str, Any]) -> Decimal:
    """The list price of the pictures that a request asks for."""
    # 1024 x 1024 where the request does not say: the default that the documentation gives.
    width, height = body.get("width") or 1024, body.get("height") or 1024
    return image_cost(model.prices, width, height, body.get("n") or 1)


def _not_simulated(sim: Simulator, turn: Turn) -> ApiReply:
    """An operation that the provider has and this version does not answer: better a clear end than an invented one."""
    text = f"pytest-llmcontract does not simulate {sim.edition.provider} {turn.operation}"
    sim.find(turn, "LLM204", "nothing answers this operation", fix=f"{text} yet: script it with reply(body=…)")
    return sim.reply(turn, sim.wire.encoded({"error": {"message": text, "type": "not_simulated"}}), status=501)


OPERATIONS: Mapping[str, Callable[[Simulator, Turn, ScriptedReply], ApiReply]] = {
    "chat.completions": _chat,
    "completions": _text,
    "models.list": _models,
    "models.retrieve": _model,
    "images.generations": _images,
    "images.content": _picture,
}
"""What this version answers; every other operation of the provider is refused with a clear finding."""

STEPS: Mapping[str, Step] = {
    step.__name__: step for step in (route, key, contract, account, model, size, limiter, capacity, answer)
}
"""Every step by the name that an edition's ``path`` uses."""


def violation(
    provider: str, turn: Turn, code: str, message: str, severity: Severity | None = None, **parts: Any
) -> Violation:
    """A finding about this call, in the words of its step; *severity* where it is not that of its rule."""
    return Violation(
        code=code,
        message=f"{provider} {turn.operation}: {message}",
        severity=severity or RULES[code].severity,
        provider=provider,
        operation=turn.operation,
        site=turn.request.site,
        **parts,
    )
