"""What the strategies need to know of a provider on a day, and their words for what is not there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from pytest_llmcontract.core.asked import edition_for, provider_settings
from pytest_llmcontract.core.call.form import TypedForm
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.contract.reply import reply_contract
from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.records import REASONS, Model
from pytest_llmcontract.core.operations import operation_called
from pytest_llmcontract.core.provider import contracts_of, provider_called
from pytest_llmcontract.core.world import World, noon_of
from pytest_llmcontract.scripting import Scripting


def edition_of(provider: str, edition: str | date | None) -> Edition:
    """What is known of *provider* on that day; ``None``: the newest.

    Raises:
        BadInput: No such provider, no such day, or nothing is known so early.
    """
    return edition_for(provider, provider_settings(provider, {"edition": edition}, f"strategies for {provider!r}"))


def known(operation: str, accepted: Iterable[str], what: str) -> str:
    """*operation*, if it is one of those *accepted*.

    Raises:
        BadInput: It is not.
    """
    names = sorted(accepted)
    if operation not in names:
        raise unknown(what, operation, names)
    return operation


def models_for(edition: Edition, operation: str, model: str | None) -> list[Model]:
    """The models that can be asked to do *operation*; of all if *model* is ``None``.

    Raises:
        BadInput: Nobody knows the model.
    """
    if model is not None:
        return [edition.model(model)]
    wanted = operation_called(operation)
    return [
        one
        for one in edition.models.values()
        if one.serverless and wanted.suits(one) and one.since <= edition.date and not one.is_retired(edition.date)
    ]


def model_streaming(edition: Edition, operation: str, model: str | None, tools: bool) -> Model:
    """The model that is asked to stream; any with the most capabilities if *model* is ``None``.

    Raises:
        BadInput: Nobody knows the model, or it takes no tools and is to.
    """
    found = max(models_for(edition, operation, model), key=lambda one: len(one.capabilities))
    if tools and "tools" not in found.capabilities:
        raise BadInput(f"streams(model={found.id!r}, tools=…): it takes no tools")
    return found


def errors_of(edition: Edition, operation: str) -> list[str]:
    """The errors that a call of *operation* may meet: none that is only refused elsewhere."""
    rows = {name: [row for row in edition.refusals if row.error == name] for name in edition.errors}
    met = [
        name
        for name, refused in rows.items()
        if not refused
        or any(operation in row.operations or (not row.operations and row.reason in REASONS) for row in refused)
    ]
    return [name for name in met if edition.errors[name].status >= 400]


def streams_on(edition: Edition, operation: str) -> bool:
    """Whether *operation* streams, on that day, for who asks for it."""
    contract = contracts_of(edition.provider, edition.date).get(operation)
    return operation_called(operation).streams and (contract is None or "stream" in contract.fields)


def answers_with_files(edition: Edition, operation: str) -> bool:
    """Whether *operation* answers with sound, a picture, what is in a file: with no JSON."""
    form = scripting(edition.provider, edition).simulator.state.envelope.forms.get(operation)
    promised = reply_contract(edition.provider, operation, edition.date)
    return isinstance(form, TypedForm) and (promised is None or promised.reply is None)


def scripting(provider: str, edition: Edition) -> Scripting:
    """The provider in a world of its own."""
    taken = provider_called(provider)
    world = World(VirtualClock(noon_of(edition.date)))
    simulator = world.add(taken, edition, taken.settings())
    return Scripting(provider, simulator, world.clock)
