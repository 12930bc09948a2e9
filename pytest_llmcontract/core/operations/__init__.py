"""What a provider can do: one module a family of operations; nothing about an operation elsewhere but its forms.

A provider answers an operation that has its address in ``api.json``, is in :data:`OPERATIONS`, and has a form in the
provider's envelope (``providers/<name>/forms/``). Everything else is refused with a clear finding.
"""

from __future__ import annotations

from collections.abc import Mapping

from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.operations import (
    audio,
    batches,
    catalogue,
    chat,
    deployments,
    embeddings,
    endpoints,
    evaluations,
    files,
    fine_tuning,
    identity,
    images,
    models,
    rerank,
    rollouts,
    sessions,
    usage,
    videos,
)
from pytest_llmcontract.core.operations.operation import Operation

OPERATIONS: Mapping[str, Operation] = {
    **chat.OPERATIONS,
    **models.OPERATIONS,
    **images.OPERATIONS,
    **fine_tuning.OPERATIONS,
    **evaluations.OPERATIONS,
    **endpoints.OPERATIONS,
    **deployments.OPERATIONS,
    **rollouts.OPERATIONS,
    **catalogue.OPERATIONS,
    **sessions.OPERATIONS,
    **identity.OPERATIONS,
    **usage.OPERATIONS,
    **embeddings.OPERATIONS,
    **rerank.OPERATIONS,
    **videos.OPERATIONS,
    **audio.OPERATIONS,
    **files.OPERATIONS,
    **batches.OPERATIONS,
}
"""By name: what this version answers."""


class _Unanswered(Operation):
    """One that this version does not answer: whether its ``model`` is one, or a queue's name, is not known."""

    calls_model = False


_UNANSWERED = _Unanswered()


def operation_called(name: str) -> Operation:
    """The operation of that name; one that this version does not answer counts as a request."""
    return OPERATIONS.get(name, _UNANSWERED)


def operation_of(turn: Turn) -> Operation:
    """What a call asks."""
    return operation_called(turn.call.operation)
