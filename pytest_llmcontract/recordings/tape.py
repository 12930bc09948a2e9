"""The recordings of one test: which of them answers a call, and what is to be recorded when it ends.

Each recording answers once, in the order in which equal ones were made; unequal calls may come in any order. Who may
answer what is not recorded, and what becomes of the recordings, is the mode, in vcrpy's words:

``none``          the recordings answer, and nothing else
``once``          as ``none`` if the test has recordings; if it has none, everything is recorded
``new_episodes``  the recordings answer; what they do not have is recorded
``all``           everything is recorded anew
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from pytest_llmcontract.core.call.ours import refusal_of_ours
from pytest_llmcontract.core.call.tape import Recorded
from pytest_llmcontract.core.completion.reported import marks
from pytest_llmcontract.core.exchange import ApiReply, StreamEvent, UsageSource
from pytest_llmcontract.core.findings.rules import RULES, Severity, Violation
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.locks import new_lock
from pytest_llmcontract.core.secrets import excerpt
from pytest_llmcontract.core.words import counted
from pytest_llmcontract.recordings.cassette import Cassette, Interaction
from pytest_llmcontract.recordings.difference import Change, compared, rendered, weight
from pytest_llmcontract.recordings.encodings import unpacked
from pytest_llmcontract.recordings.match import Address, Meaning, Tolerance, address_of, meaning
from pytest_llmcontract.recordings.scrub import scrubbed_request

Mode = Literal["none", "once", "new_episodes", "all"]
Source = Literal["simulator", "live"]
Raw = dict[str, Any]
"""An interaction, or a whole cassette, as the file has it."""


@dataclass(eq=False, slots=True)
class Recording:
    """One recorded exchange, and whether the test made it again."""

    interaction: Interaction
    asked: Meaning
    scripted: bool
    own: bool
    """It belongs to this test, not to another one that shares the cassette."""
    made: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """One exchange that is to be recorded."""

    call: Call
    reply: ApiReply
    asked: Meaning
    edition: date
    scripted: bool
    at: datetime


Pair = tuple[Taken, Recording | None]
"""What was taken, and the recording that it replaces."""


class CassetteTape:
    """A test's recordings, played and made. The :class:`~pytest_llmcontract.core.call.tape.Tape` of the simulators.

    Args:
        path: Where the cassette is, or will be.
        cassette: What it holds; ``None``: there is none yet.
        mode: What may be recorded.
        source: Who answers what is recorded.
        tolerance: What does not matter when requests are compared.
        repeats: Whether the last of equal recordings answers again and again.
        raw: The interactions as the file has them, where it is to be written again or several tests share it.
        shared: Whether other tests may have recordings in the cassette.
        test: Node id of this test.
        shown: The path as messages show it.
        how: What records the test, for messages: ``pytest --llmcontract-record={mode} tests/…::test_x``.
    """

    def __init__(
        self,
        path: Path,
        cassette: Cassette | None,
        *,
        mode: Mode,
        source: Source,
        tolerance: Tolerance,
        repeats: bool = False,
        raw: Sequence[Raw] = (),
        shared: bool = False,
        test: str = "",
        shown: str = "",
        how: str = "pytest --llmcontract-record={mode}",
        unplayed: Severity = RULES["LLM205"].severity,
    ) -> None:
        self.path = path
        self.shown = shown or str(path)
        self.raw = raw
        self.shared = shared
        self.mode = mode
        self.source = source
        self.test = test
        self.cassette = cassette
        self.taken: list[Taken] = []
        self._tolerance = tolerance
        self._repeats = repeats
        self._how = how
        self._unplayed = unplayed
        self._lock = new_lock()
        self._usage = _usage_source(cassette)
        self.recordings = self._read(cassette) if cassette else []
        new = cassette is None or (shared and not any(recording.own for recording in self.recordings))
        self.records = mode in ("new_episodes", "all") or (mode == "once" and new)
        """Whether a call that is not recorded will be."""
        self.forwards = self.records and source == "live"
        """Whether the provider itself may be asked."""
        self._beside: list[Recording] = []
        """What calls were found to differ from."""
        self._found: list[Violation] = []

    def _read(self, cassette: Cassette) -> list[Recording]:
        owners = [str(raw.get("recorded_by", "")) for raw in self.raw]
        scripted = set(cassette.metadata.scripted) if cassette.metadata else set()
        return [
            Recording(
                interaction,
                meaning(scrubbed_request(interaction.request), address_of(interaction.request), self._tolerance),
                interaction.index in scripted,
                own=not any(owners) or owners[interaction.index] in ("", self.test),
            )
            for interaction in cassette.interactions
        ]

    @property
    def name(self) -> str:
        """Of the test, as a line about it begins."""
        return self.test.rpartition("::")[2] or self.path.name

    # The tape.

    def find(self, call: Call, target: str) -> Recorded | None:
        with self._lock:
            if self.mode == "all":
                return self._not_recorded()
            asked = self._meaning(call, target)
            if recording := self._next(asked):
                recording.made = True
                usage: UsageSource = "scripted" if recording.scripted else self._usage
                return Recorded(recording.interaction.reply, usage=usage, scripted=recording.scripted)
            if self.records:
                return self._not_recorded()
            finding = self._unmatched(call, asked)
            return Recorded(refusal_of_ours(finding), finding)

    def told(self, call: Call, target: str, reply: ApiReply, *, edition: date, scripted: bool) -> None:
        if call.recorded:
            return
        with self._lock:
            asked = self._meaning(call, target)
            if scripted and self.mode != "all" and (again := self._again(asked, reply)):
                again.made = True
            elif self.records:
                self.taken.append(Taken(call, _plain(reply), asked, edition, scripted, datetime.now(UTC)))

    def findings(self) -> list[Violation]:
        found, self._found = self._found, []
        return found

    def found(self, findings: Sequence[Violation]) -> None:
        """What is wrong with the recordings themselves, to be told with the test's findings."""
        self._found.extend(findings)

    def unmade(self) -> list[Violation]:
        if self.mode == "all":
            return []
        told = [*self._beside, *(recording for _, recording in self.paired())]
        return [
            Violation(
                "LLM205",
                f"{_name(recording.asked.address)}: recorded call {recording.interaction.index + 1} of "
                f"{len(self.recordings)} was not made",
                severity=self._unplayed,
                provider=recording.asked.address.provider,
                operation=recording.asked.address.operation,
                sent="nothing",
                contract=self._place(recording),
                fix=f"if it is not made any more, record the test anew: {self._how.format(mode='all')}",
            )
            for recording in self.recordings
            if recording.own and not recording.made and recording not in told
        ]

    def paired(self) -> list[Pair]:
        """What was taken, each with the recording it replaces: of those not made, the one that differs least."""
        left = [recording for recording in self.recordings if recording.own and not recording.made]
        distances = sorted(
            (weight(compared(recording.asked.body, taken.asked.body)), n, place)
            for n, taken in enumerate(self.taken)
            for place, recording in enumerate(left)
            if recording.asked.address == taken.asked.address
        )
        found: dict[int, int] = {}
        for _, n, place in distances:
            if n not in found and place not in found.values():
                found[n] = place
        return [(taken, left[found[n]] if n in found else None) for n, taken in enumerate(self.taken)]

    # Looking.

    def _meaning(self, call: Call, target: str) -> Meaning:
        return meaning(scrubbed_request(call.request), Address(call.provider, call.operation, target), self._tolerance)

    def _next(self, asked: Meaning) -> Recording | None:
        equal = [recording for recording in self.recordings if recording.asked.key == asked.key]
        fresh = next((recording for recording in equal if not recording.made), None)
        return equal[-1] if fresh is None and equal and self._repeats else fresh

    def _again(self, asked: Meaning, reply: ApiReply) -> Recording | None:
        """The recording of what a script answered once more: of the same outcome, and not of any other script's."""
        ended = _outcome(reply)
        equal = [recording for recording in self.recordings if recording.scripted and recording.asked.key == asked.key]
        same = [recording for recording in equal if _outcome(recording.interaction.reply) == ended]
        fresh = next((recording for recording in same if not recording.made), None)
        return same[-1] if fresh is None and same and self._repeats else fresh

    def _not_recorded(self) -> Recorded | None:
        return Recorded() if self.forwards else None

    def nearest(self, asked: Meaning) -> tuple[Recording, list[Change]] | None:
        """The recording that was not made yet, of the same operation, that differs least; and how."""
        left = [
            (recording, compared(recording.asked.body, asked.body))
            for recording in self.recordings
            if recording.asked.address == asked.address and not recording.made
        ]
        return min(left, key=lambda pair: weight(pair[1]), default=None)

    # Words.

    def _unmatched(self, call: Call, asked: Meaning) -> Violation:
        name = _name(asked.address)
        nearest = self.nearest(asked)
        parts: dict[str, Any] = {
            "provider": call.provider,
            "operation": call.operation,
            "sent": _summary(asked.body) or f"{call.request.method} {call.request.path}",
            "allowed": self._looked_in(asked),
            "answer": "was not asked; the client got a 400 that says so",
            "site": call.site,
        }
        if nearest is None or not nearest[1]:
            return Violation(
                "LLM204",
                f"{name}: nothing is recorded for this call" + (" any more" if self._equal(asked) else ""),
                severity=RULES["LLM204"].severity,
                contract=self.shown,
                fix=self._fix_missing(asked),
                **parts,
            )
        recording, changes = nearest
        self._beside.append(recording)
        shown = str(changes[0]) + (f" and {len(changes) - 1} more" if len(changes) > 1 else "")
        number = recording.interaction.index + 1
        return Violation(
            "LLM206",
            f"{name}: {shown}, unlike its recording",
            severity=RULES["LLM206"].severity,
            path=changes[0].path,
            contract=self._place(recording),
            difference=f"beside recorded call {number} of {len(self.recordings)}:\n\n{_indented(rendered(changes))}",
            fix=f"if this is meant, record the call anew: {self._how.format(mode='new_episodes')}\n"
            f'if it changes from run to run, leave it out: llm_contract(ignore=["{_ignorable(changes[0].path)}"])',
            **parts,
        )

    def _fix_missing(self, asked: Meaning) -> str:
        if self.cassette is None:
            return f"record the test: {self._how.format(mode='once')}"
        fix = f"record what is missing: {self._how.format(mode='new_episodes')}"
        if self._equal(asked):
            fix += "\nif it may be made any number of times: llm_contract(repeats=True)"
        return fix

    def _looked_in(self, asked: Meaning) -> str:
        if self.cassette is None:
            return f"what is recorded, and there is no {self.path.name}"
        same = [recording for recording in self.recordings if recording.asked.address == asked.address]
        left = sum(not recording.made for recording in same)
        return f"the {counted(len(same), 'recorded call')} of {asked.address.operation}, {left} of them not made yet"

    def _equal(self, asked: Meaning) -> bool:
        return any(recording.asked.key == asked.key for recording in self.recordings)

    def _place(self, recording: Recording) -> str:
        line = self.cassette.line(recording.interaction.index) if self.cassette else 1
        return f"{self.shown}:{line}"


def _outcome(reply: ApiReply) -> object:
    """How a call ended: its status, and the marks of an error."""
    return reply.status, marks(reply.json) if reply.status >= 400 else None


def _plain(reply: ApiReply) -> ApiReply:
    """*reply* as it reads: a provider may pack it although it was asked not to."""
    packed = reply.headers.get("content-encoding", "")
    if packed in ("", "identity"):
        return reply
    whole = reply.body if reply.events is None else b"".join(event.data for event in reply.events)
    body = unpacked(whole, packed)
    return replace(reply, body=body) if reply.events is None else replace(reply, events=(StreamEvent(body),))


def _usage_source(cassette: Cassette | None) -> UsageSource:
    """A recording of the simulator knows no more than the simulator did."""
    simulated = cassette is not None and cassette.metadata is not None and cassette.metadata.source == "simulator"
    return "estimated" if simulated else "reported"


def _name(address: Address) -> str:
    return f"{address.provider} {address.operation}".strip()


def _summary(body: Any) -> str:
    if not isinstance(body, Mapping):
        return ""
    text = json.dumps({"model": body.get("model"), **body}, ensure_ascii=False, default=str)
    return excerpt(text, 160)


def _ignorable(path: str) -> str:
    """The path for ``ignore=``: a field of its own by its name, one of many messages for all of them."""
    name = path.removeprefix("$.")
    return name if name.isidentifier() else path


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
