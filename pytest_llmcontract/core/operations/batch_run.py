"""How a batch goes on: from moment to moment on the clock, a line at a time, until it is over.

Statuses, in order: ``validating``, then ``failed`` or ``in_progress``; then ``finalizing`` and ``completed``,
``expired``, or ``cancelling`` and ``cancelled``. A provider's form says them in its own words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any, Protocol, cast, get_args

from pytest_llmcontract.core.call.form import compact
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.clock import Appointment
from pytest_llmcontract.core.exchange import ApiRequest, Headers, Usage, UsageSource
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.operations.batch_lines import Fault, Judged, Line
from pytest_llmcontract.core.operations.files import KeptFile, keep
from pytest_llmcontract.core.words import counted

_SUREST_FIRST = get_args(UsageSource)
LANE = "batch"
"""The way that lines take."""
_UNDONE = {
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
    "cancelled": ("batch_cancelled", "This batch was cancelled before this request was executed."),
}
"""What becomes of a line that is not answered. OpenAI's words; the providers' own were not seen."""


class LinesForm(Protocol):
    """The shape of the lines in files of answers and of errors: what the form of ``batches.create`` has beside it."""

    def answered(self, line: Line, call: Call, now: datetime) -> Any:
        """A line that got a reply, good or bad."""

    def unanswered(self, line: Line, code: str, message: str, now: datetime) -> Any:
        """A line that got none."""


class Run:
    """One batch under way.

    Args:
        turn: The call that created it: findings and cost are that call's.
        expires: When it stops, done or not.
    """

    def __init__(self, state: State, turn: Turn, id: str, judged: Judged, expires: datetime) -> None:
        self._state, self._id, self._expires = state, id, expires
        self._dialect = state.edition.dialect
        self._request, self._call, self._number = turn.request, turn.call, turn.number
        self._endpoint = str(turn.body["endpoint"])
        self._form = cast(LinesForm, state.envelope.forms[turn.operation])
        self._failure, self.faults = judged.failure, judged.faults
        bad = {fault.line: fault for fault in judged.faults}
        self._good = [line for line in judged.lines if line.number not in bad]
        self._refused = [(line, bad[line.number]) for line in judged.lines if line.number in bad]
        self._next = 0
        self._booked: list[Appointment] = []
        self._answers: list[bytes] = []
        self._errors: list[bytes] = []
        self._usage, self._cost = Usage(source="reported"), Decimal(0)
        self._told: dict[tuple[str, str], tuple[int, Violation, int]] = {}
        self.status = "validating"
        self.stamps: dict[str, datetime] = {}
        """When it came into each status."""
        self.total = 0
        self.output_id: str | None = None
        self.error_id: str | None = None
        self._told_of_faults()

    @property
    def completed(self) -> int:
        """Lines that were answered well."""
        return len(self._answers)

    @property
    def failed(self) -> int:
        """Lines that were not; those that it did not get to are neither."""
        return len(self._errors)

    @property
    def errors(self) -> tuple[Fault, ...]:
        """What is wrong with the file, as far as the provider tells by now."""
        if self.status == "validating":
            return ()
        return self._failure or self.faults

    # From moment to moment.

    def begin(self) -> None:
        self._later(self._dialect.batch_start_seconds, self._validated)

    def cancel(self) -> bool:
        """Whether it can be cancelled: it is not over yet."""
        if self.status not in ("validating", "in_progress"):
            return False
        self._forget()
        self._becomes("cancelling")
        if self._dialect.batch_cancel_seconds:
            self._later(self._dialect.batch_cancel_seconds, lambda: self._end("cancelled"))
        else:
            self._end("cancelled")
        return True

    def _validated(self) -> None:
        self._forget()
        if self._failure:
            self._becomes("failed")
            return
        self.total = len(self._good) + len(self._refused)
        self._becomes("in_progress")
        if long := next((line for line in self._good if self._too_long(line)), None):
            self._failure = (Fault("unreadable", "error reading input file", None, long.number),)
            self._told_of_faults()
            self._becomes("failed")
            return
        self._errors += [self._written(self._unanswered(line, bad.code, bad.message)) for line, bad in self._refused]
        self._booked.append(self._state.schedule.at(self._expires, self._expired))
        self._go_on()

    def _too_long(self, line: Line) -> bool:
        return self._dialect.batch_line_bytes is not None and len(line.text) > self._dialect.batch_line_bytes

    def _go_on(self) -> None:
        """The next line takes its time; or all are done."""
        if self._next < len(self._good):
            seconds = 3600 / (self._state.capacity.batch_lines_per_hour or self._dialect.batch_lines_per_hour)
            if seconds < (self._expires - self._state.clock.now).total_seconds():
                self._booked[1:] = [self._state.schedule.after(seconds, self._line_done)]
            return
        self._forget()
        self._becomes("finalizing")
        self._later(self._dialect.batch_finish_seconds, lambda: self._end("completed"))

    def _line_done(self) -> None:
        line = self._good[self._next]
        self._next += 1
        call = self._state.within(self._request_of(line), LANE, self._number)
        self._tell(line, call.violations)
        self._usage = _sum(self._usage, call.usage)
        self._cost += call.cost
        if call.cost:
            self._state.account.spend(call.cost, self._state.clock.seconds, self._id)
        good = call.status is not None and call.status < 400
        shown = self._form.answered(line, call, self._state.clock.now)
        (self._answers if good else self._errors).append(self._written(shown))
        self._go_on()

    def _expired(self) -> None:
        self._forget()
        self._end("expired")

    def _end(self, status: str) -> None:
        left = self._good[self._next :] if status in _UNDONE else []
        undone = [self._written(self._unanswered(line, *_UNDONE[status])) for line in left]
        self.output_id = self._file("output", self._answers)
        self.error_id = self._file("error", self._errors + undone)
        self._becomes(status)
        if self._usage.total_tokens or self._cost:
            self._call.usage, self._call.cost = self._usage, self._cost

    def _becomes(self, status: str) -> None:
        self.status = status
        self.stamps[status] = self._state.clock.now

    def _later(self, seconds: float, action: Any) -> None:
        self._booked.append(self._state.schedule.after(seconds, action))

    def _forget(self) -> None:
        for booked in self._booked:
            booked.cancel()
        self._booked.clear()

    # Lines.

    def _request_of(self, line: Line) -> ApiRequest:
        parsed = line.parsed
        base = self._state.edition.base
        address = (parsed["url"] if self._dialect.batch_lines_addressed else self._endpoint).removeprefix("/v1")
        place = self._request.url.partition(self._request.path)[0]
        # A line is answered whole.
        body = {name: value for name, value in parsed["body"].items() if name not in ("stream", "stream_options")}
        headers = Headers({"content-type": "application/json"})
        return ApiRequest("POST", f"{place}{base}{address}", headers, compact(body).encode(), self._request.site)

    def _unanswered(self, line: Line, code: str, message: str) -> Any:
        return self._form.unanswered(line, code, message, self._state.clock.now)

    def _written(self, shown: Any) -> bytes:
        return compact(shown).encode()

    def _file(self, name: str, lines: list[bytes]) -> str | None:
        """Lines come in no order that a client could count on: never in that of the input, where there is another."""
        if not lines and not self._dialect.batch_both_files:
            return None
        mixed = list(lines)
        Random(f"{self._id} {name}").shuffle(mixed)
        if mixed == lines and len(lines) > 1:
            mixed.reverse()
        data = b"".join(line + b"\n" for line in mixed)
        file = KeptFile(f"{self._id}_{name}.jsonl", data, self._dialect.batch_result_purpose, self._state.clock.now)
        return keep(self._state, file)

    # Findings: each kind once, with the first line that has it and how many others do.

    def _told_of_faults(self) -> None:
        provider, operation = self._call.provider, self._call.operation
        for fault in self._failure or self.faults:
            line = f"line {fault.line}: " if fault.line else ""
            finding = Violation.of(
                "LLM102",
                f"{provider} {operation}: {line}{fault.message}",
                provider=provider,
                operation=operation,
                path=f"{line}{fault.param}" if fault.param else "$.input_file_id",
                answer="fails the batch" if self._failure else "fails the line",
                call=self._number,
                site=self._request.site,
            )
            self._note(finding, fault.code)

    def _tell(self, line: Line, found: Iterable[Violation]) -> None:
        provider, operation = self._call.provider, self._call.operation
        for each in found:
            said = each.message.removeprefix(f"{each.provider} {each.operation}: ")
            finding = replace(
                each,
                message=f"{provider} {operation}: line {line.number}: {said}",
                operation=operation,
                path=f"line {line.number}: {each.path}",
            )
            self._note(finding, said)

    def _note(self, finding: Violation, said: str) -> None:
        kind, findings = (finding.code, said), self._call.violations
        if kind not in self._told:
            self._told[kind] = len(findings), finding, 0
            findings.append(finding)
            return
        place, first, others = self._told[kind]
        self._told[kind] = place, first, others + 1
        more = counted(others + 1, "more line")
        findings[place] = replace(first, message=f"{first.message} (and {more})")


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_tokens + other.cached_tokens,
        one.seconds + other.seconds,
        one.characters + other.characters,
        source=max(one.source, other.source, key=_SUREST_FIRST.index),
    )
