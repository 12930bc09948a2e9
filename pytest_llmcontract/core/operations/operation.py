"""One thing that a provider does: what it reads, counts, answers and costs.

:class:`Operation` is the plainest: counted by the request, paid by the tokens that its reply reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_llmcontract.core.completion.reported import reported_usage
from pytest_llmcontract.core.limits.charges import ByRequest, Counted
from pytest_llmcontract.core.money.prices import token_cost

if TYPE_CHECKING:
    from pytest_llmcontract.core.call.decision import Decision
    from pytest_llmcontract.core.call.script import ScriptedReply
    from pytest_llmcontract.core.call.state import State
    from pytest_llmcontract.core.call.turn import Turn
    from pytest_llmcontract.core.exchange import ApiReply, Usage, UsageSource
    from pytest_llmcontract.core.facts.records import Model, ModelType

TALKING: tuple[ModelType, ...] = ("chat", "language", "code", "moderation")
"""Types of models that go on with a text."""
FREE = Decimal(0)


class Operation:
    """One thing that a provider does."""

    public: ClassVar[bool] = False
    """It needs no key: its address is the secret."""
    reads_text: ClassVar[bool] = False
    """It is counted in tokens, and its prompt has to fit the context."""
    streams: ClassVar[bool] = False
    """It gives its answer in pieces where the request asks so; its forms can do it."""
    says_done: ClassVar[bool] = True
    """A whole stream of it ends with ``[DONE]``."""
    status: ClassVar[int] = 200
    """Of its answer."""
    parts: ClassVar[frozenset[str]] = frozenset()
    """Parts of ``reply()`` that it can give, beside ``body=`` and ``usage=``, where it reads no text."""
    plays: ClassVar[bool] = False
    """It is about sound: ``reply(usage=)`` can say how many seconds of it."""
    names_model: ClassVar[bool] = False
    """The id in its address is a model's."""
    models: ClassVar[tuple[ModelType, ...]] = ()
    """Types of models that can do it, the usual one first; empty: whatever model is named, or none is asked."""
    does: ClassVar[str] = ""
    """What such a model does, as a refusal of another says it."""

    calls_model: ClassVar[bool] = True
    """The model that its body names shall answer; else the body merely speaks of it."""
    quick: ClassVar[bool] = False
    """It takes a moment, a millisecond or so, to answer a short request for it, whatever the account holds."""
    remembers: ClassVar[bool] = False
    """Its answer follows from what the account made before, not from its request alone."""
    says: ClassVar[bool] = True
    """What it answers can be scripted in parts; of one that says nothing, only the whole body can."""

    def as_chat(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The request *body* as a body of ``chat.completions``: the one form in which it is counted and answered."""
        return body

    def suits(self, model: Model) -> bool:
        """Whether *model* can do it, as far as anybody saw: of a type that is only guessed nobody knows."""
        return not self.models or model.type in self.models or not model.is_seen("type")

    def counted(self, state: State, turn: Turn) -> Counted:
        """How limits count it."""
        return ByRequest()

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        """What is answered, in no provider's form yet.

        Args:
            wanted: What the test scripted; what it leaves open is made up.
        """
        raise NotImplementedError

    def price(self, state: State, turn: Turn, usage: Usage) -> Decimal:
        """The list price in US dollars of a call that was answered; the lane's factor comes after."""
        return token_cost(turn.model.prices, usage) if turn.model else FREE

    def reported(self, state: State, turn: Turn, reply: ApiReply, source: UsageSource) -> Usage:
        """What a recorded *reply* used, as far as it and its request tell."""
        return reported_usage(reply, source)

    def status_of(self, state: State) -> int:
        """Of its answer, where providers differ."""
        return self.status

    def upload_bytes(self, state: State) -> int | None:
        """The most that a file in its form may have; ``None``: not known."""
        return state.edition.dialect.upload_bytes
