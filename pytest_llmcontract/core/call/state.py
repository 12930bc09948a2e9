"""One provider as it stands: what is known of it, who calls, what is left, what is scripted.

Steps and operations get it and change only what is theirs: levels of limits, scripts that are used up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any

from pytest_llmcontract.core.behaviour.attempts import Attempts
from pytest_llmcontract.core.call.form import Envelope, Ids
from pytest_llmcontract.core.call.routes import Routes
from pytest_llmcontract.core.call.script import Scripts
from pytest_llmcontract.core.call.tape import Tape
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.completion.prompt_cache import PromptCache
from pytest_llmcontract.core.completion.tokens import TokenEstimator
from pytest_llmcontract.core.contract.request import RequestContract
from pytest_llmcontract.core.exchange import ApiRequest
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.records import Lane, Model
from pytest_llmcontract.core.facts.registry import key_names
from pytest_llmcontract.core.journal import Journal
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.kept.shelf import Kept
from pytest_llmcontract.core.ledger import Call, Ledger
from pytest_llmcontract.core.limits.limiter import Limiter
from pytest_llmcontract.core.money.account import Account
from pytest_llmcontract.core.provider import Provider, contracts_of, limiter_of
from pytest_llmcontract.core.refusal import Refusal
from pytest_llmcontract.core.settings import ProviderSettings


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the provider has room for."""

    flex: bool = True
    """Whether calls of the flex tier find room."""
    batch_lines_per_hour: float | None = None
    """How fast batches run; ``None``: as fast as they were seen to."""

    def has_room(self, lane: Lane) -> bool:
        """Whether a call in *lane* finds room."""
        return not lane.room or bool(getattr(self, lane.name, True))


Within = Callable[[ApiRequest, str, int], Call]
"""``(request, lane, number)``: the request goes the path of a call without key, account, limits and recordings, in the
lane of that name; findings are of the call of that number. It is in no ledger, and charged to nobody: what it costs
stands in the call that comes back."""


Gate = Callable[[float], Refusal | None]
"""``(at)``: how a model of the account's own refuses a call at that moment; ``None``: it answers, and has been used."""


def _nobody(request: ApiRequest, lane: str, number: int) -> Call:
    raise AssertionError("only a simulator has a path to send a request down")


@dataclass(slots=True)
class State:
    """One provider, one account."""

    edition: Edition
    """What is known of the provider on its day."""
    envelope: Envelope
    """Its form."""
    contracts: Mapping[str, RequestContract]
    """The request contract of each operation that has one."""
    routes: Routes
    key_name: str
    """The environment variable that its key is in."""
    account: Account
    """Who calls. Each provider's has more than the path asks of it."""
    limiter: Limiter
    """What is left in the usual lanes."""
    tokens: TokenEstimator
    """Counts what has no recorded count."""
    clock: VirtualClock
    journal: Journal
    """The test's, where calls are noted beside the own ledger, in order with those of other providers."""
    schedule: Schedule
    """What is to happen to it later."""
    tape: Tape | None = None
    """The recordings of the test, if it has any."""
    retires_within: timedelta = timedelta(30)
    """Before its retirement, from which the use of a model is LLM108; 0: never."""
    chaos_seed: int = 0
    """Of ``chaos()`` that names none."""
    today: date = date.min
    """The real day, from which the end of a model is counted where it is later than the virtual one."""
    scripts: Scripts = field(default_factory=Scripts)
    ledger: Ledger = field(default_factory=Ledger)
    attempts: Attempts = field(default_factory=Attempts)
    """Which of its calls are attempts of the same logical call."""
    request_ids: list[str] = field(default_factory=list)
    """Ids for the next requests, in place of made-up ones."""
    kept: Kept = field(default_factory=Kept)
    """What lasts: its files, batches, jobs, endpoints."""
    own_models: dict[str, Model] = field(default_factory=dict)
    """Models of this account alone, beside those of the edition."""
    lenient: bool = False
    """Whether it lets pass what nobody has; see :mod:`.lenient`."""
    gates: dict[str, Gate] = field(default_factory=dict)
    """What stands before models of this account, by name: an endpoint that has to run."""
    capacity: Capacity = Capacity()
    """What the provider has room for, as the test wants it."""
    pools: dict[str, Limiter] = field(default_factory=dict)
    """What is left in lanes that have limits of their own, by lane."""
    prompts: PromptCache = field(default_factory=PromptCache)
    """What the prompt cache holds."""
    within: Within = _nobody
    """Sends a request that comes from inside the provider, such as a line of a batch, down the path of a call."""

    def model(self, name: str) -> Model | None:
        """The model of that name, the account's own or the edition's, whether it answers today or not."""
        return self.edition.models.get(name) or self.own_models.get(name)

    def pool(self, lane: Lane) -> Limiter:
        """What is left in *lane*."""
        if lane.limits is None:
            return self.limiter
        if lane.name not in self.pools:
            self.pools[lane.name] = self.limiter.scaled(float(lane.limits))
        return self.pools[lane.name]

    def models(self) -> Iterator[Model]:
        """All of them, those of the account last."""
        yield from self.edition.models.values()
        yield from self.own_models.values()


def opened(
    provider: Provider,
    edition: Edition,
    settings: ProviderSettings,
    clock: VirtualClock,
    journal: Journal,
    tokens: TokenEstimator,
    *,
    seed: int = 0,
    **more: Any,
) -> State:
    """The state that a provider begins with.

    Args:
        seed: Made-up ids differ with it.
        more: Further fields of :class:`State`.
    """
    schedule = Schedule(clock)
    account = provider.account(edition, settings, schedule)
    account.book.listen(partial(journal.moved, provider.name))
    return State(
        edition,
        provider.envelope(edition, Ids(f"{provider.name} {edition.date} {seed}")),
        contracts_of(provider.name, edition.date),
        Routes(edition.base, edition.operations),
        key_names(provider.name)[0],
        account,
        limiter_of(provider, edition, lambda: account.plan_name(clock.seconds)),
        tokens,
        clock,
        journal,
        schedule,
        **more,
    )
