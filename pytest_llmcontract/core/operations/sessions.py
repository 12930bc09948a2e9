"""The code interpreter: sessions that last for a while and are paid once. No code runs: what it prints is scripted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pytest_llmcontract.core.call.decision import Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.operations.lasting import Thing, Things
from pytest_llmcontract.core.operations.operation import FREE, Operation

SESSIONS = "sessions"


@dataclass(slots=True)
class Session:
    """One of them."""

    id: str
    at: float
    expires: float
    last: float
    count: int = 0
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gone:
    """There is no such session any more: told in a reply that is no error."""

    id: str


class Execute(Operation):
    """Run code, in a session that is there or in a new one, which is paid as it begins (assumed)."""

    remembers = True
    parts = frozenset({"content"})

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        shelf, id = state.kept[SESSIONS], turn.body.get("session_id")
        session = shelf.get(id, turn.at) if isinstance(id, str) and id else self._begun(state, turn)
        if session is None:
            return Thing(str(id), Gone(str(id)))
        session.count, session.last = session.count + 1, turn.at
        session.files += tuple(str(file.get("name")) for file in turn.body.get("files") or ())
        return Thing(session.id, Ran(session, wanted.content if isinstance(wanted.content, str) else ""))

    def _begun(self, state: State, turn: Turn) -> Session:
        expires = turn.at + state.edition.dialect.session_seconds
        session = Session(state.envelope.new_id("ses", turn.now), turn.at, expires, turn.at)
        kept: Session = state.kept[SESSIONS].put(session.id, session, expires=expires)
        return kept

    def price(self, state: State, turn: Turn, usage: Usage) -> Decimal:
        return FREE if turn.body.get("session_id") else state.edition.dialect.session_price


@dataclass(frozen=True, slots=True)
class Ran:
    """What code printed."""

    session: Session
    printed: str


class ListSessions(Operation):
    """Those that last."""

    remembers = True
    says = False

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        there: Any = state.kept[SESSIONS].page(turn.at, newest_first=True).things
        return Things(tuple(there))


OPERATIONS: Mapping[str, Operation] = {
    "code_interpreter.execute": Execute(),
    "code_interpreter.sessions": ListSessions(),
}
