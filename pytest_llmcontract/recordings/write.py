"""Writing what a test recorded into its cassette: plain vcrpy, scrubbed, whole or not at all.

What is about to be written is searched as ``llmcontract verify`` searches it: what was not scrubbed is not written.

The file is vcrpy's own form, by vcrpy's own serializer, so that ``vcr.use_cassette`` plays it too. What we know beside
it is in its ``metadata``, and two more keys of an interaction, which vcrpy passes over: ``recorded_at``, and in a
cassette that several tests share ``recorded_by``, the test it belongs to.

Several tests, in several processes, may write one cassette. So what a test changes is worked out against what it had
read, and applied to what is there when it writes, under a lock.
"""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.core.files import write_whole
from pytest_llmcontract.core.secrets import without_secrets
from pytest_llmcontract.core.words import counted
from pytest_llmcontract.recordings.cassette import Cassette, Interaction, Metadata
from pytest_llmcontract.recordings.difference import compared
from pytest_llmcontract.recordings.documents import read_document
from pytest_llmcontract.recordings.exposed import exposed
from pytest_llmcontract.recordings.layout import cassette_text, interaction_form
from pytest_llmcontract.recordings.scrub import scrubbed_reply, scrubbed_request
from pytest_llmcontract.recordings.tape import CassetteTape, Pair, Raw, Taken


def write_recordings(tape: CassetteTape) -> list[str]:
    """Put what *tape* took into its cassette, and say what changed, a line each.

    Raises:
        BadInput: What is there cannot be added to, what was recorded does not fit the form, or nothing can be written.
    """
    pairs = tape.paired()
    changes = _Changes.of(tape, pairs, tape.test if tape.shared else "")
    if not changes:
        return []
    with locked(tape.path):
        document = read_raw(tape.path)
        if _recorded_meanwhile(tape, document):
            return [f"{tape.name} was recorded by another process meanwhile, in {tape.shown}: kept"]
        _write(tape, changes, document)
    return list(_told(tape, pairs))


def _recorded_meanwhile(tape: CassetteTape, document: Raw) -> bool:
    """Whether ``once`` has happened: the test had no recordings when it began, and has some now."""
    there = document.get("interactions", [])
    own = [raw for raw in there if not tape.shared or raw.get("recorded_by") == tape.test]
    return tape.mode == "once" and bool(own)


def read_raw(path: Path) -> Raw:
    """The cassette as the file has it, to be written again; empty if there is none.

    Raises:
        BadInput: It cannot be read, or is of another form than vcrpy writes today.
    """
    if not path.is_file():
        return {}
    document, _ = read_document(path)
    if not isinstance(document, dict) or not isinstance(document.get("interactions"), list):
        raise BadInput(f"{path}: only a cassette of vcrpy's present form can be added to; record into a new file")
    return document


# What changes


@dataclass
class _Changes:
    """What a test makes of the interactions that it read."""

    replaced: list[tuple[Raw, _Item]] = field(default_factory=list)
    dropped: list[Raw] = field(default_factory=list)
    added: list[_Item] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.replaced or self.dropped or self.added)

    @classmethod
    def of(cls, tape: CassetteTape, pairs: Sequence[Pair], owner: str) -> _Changes:
        old = tape.raw
        items = {
            id(taken): _Item(_interaction(tape, number, taken, owner), taken.scripted)
            for number, taken in enumerate(tape.taken)
        }
        if tape.mode == "all":
            dropped = [old[recording.interaction.index] for recording in tape.recordings if recording.own]
            return cls(dropped=dropped, added=list(items.values()))
        changes = cls()
        for taken, recording in pairs:
            if recording is None:
                changes.added.append(items[id(taken)])
            else:
                changes.replaced.append((old[recording.interaction.index], items[id(taken)]))
        return changes

    def applied(self, items: Sequence[_Item]) -> list[_Item]:
        """*items* as they are now, with the changes."""
        dropped, replaced = list(self.dropped), list(self.replaced)
        kept = []
        for item in items:
            if item.raw in dropped:
                dropped.remove(item.raw)
                continue
            place = next((n for n, (old, _) in enumerate(replaced) if old == item.raw), None)
            kept.append(item if place is None else replaced.pop(place)[1])
        return [*kept, *(new for _, new in replaced), *self.added]


@dataclass(frozen=True)
class _Item:
    raw: Raw
    scripted: bool


def _told(tape: CassetteTape, pairs: Sequence[Pair]) -> Iterator[str]:
    """``re-recorded call 2 of test_x: $.temperature 0.2 → 0.3``"""
    test = tape.name
    if not tape.recordings:
        yield f"recorded {counted(len(tape.taken), 'call')} of {test} in {tape.shown}"
        return
    for taken, recording in pairs:
        asked = f"{taken.call.provider} {taken.call.operation}"
        if recording is None:
            yield f"recorded a new call of {test}: {asked}"
            continue
        number = recording.interaction.index + 1
        changes = compared(recording.asked.body, taken.asked.body)
        if changes:
            more = f", and {len(changes) - 3} more" if len(changes) > 3 else ""
            yield f"re-recorded call {number} of {test}: {', '.join(map(str, changes[:3]))}{more}"
        elif recording.interaction.reply.status != taken.reply.status:
            status = f"status {recording.interaction.reply.status} → {taken.reply.status}"
            yield f"re-recorded call {number} of {test}: {status}"
    if tape.mode == "all":
        kept = {id(recording) for _, recording in pairs}
        for recording in tape.recordings:
            if recording.own and id(recording) not in kept:
                address = recording.asked.address
                asked = f"{address.provider} {address.operation}".strip()
                yield f"dropped call {recording.interaction.index + 1} of {test}, which is made no more: {asked}"


# The file


def _write(tape: CassetteTape, changes: _Changes, document: Raw) -> None:
    block = (document.get("metadata") or {}).get("llmcontract") or {}
    metadata = Metadata.model_validate(block)
    scripted = set(metadata.scripted)
    items = [_Item(raw, n in scripted) for n, raw in enumerate(document.get("interactions", []))]
    items = changes.applied(items)
    document["interactions"] = [item.raw for item in items]
    document["version"] = 1
    merged = _metadata(tape, metadata, items, "" if tape.shared else tape.test)
    ours = merged.model_dump(mode="json", exclude_defaults=True) | {"format": 1}
    document["metadata"] = {**(document.get("metadata") or {}), "llmcontract": ours}
    write_cassette(tape.path, cassette_text(tape.path, document))


def write_cassette(path: Path, text: str) -> None:
    """Put *text* into *path*, at once.

    Raises:
        BadInput: It cannot be written.
    """
    try:
        write_whole(path, text)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}") from None


def _metadata(tape: CassetteTape, old: Metadata, items: Sequence[_Item], test: str) -> Metadata:
    facts = {name: (edition, plan) for name, edition, plan in zip(old.provider, old.edition, old.plan, strict=False)}
    facts |= {taken.call.provider: (taken.edition, taken.call.plan) for taken in tape.taken}
    kept = old if tape.mode != "all" or not test else Metadata()
    clients = dict.fromkeys(
        (*kept.client, *(without_secrets(taken.call.client) for taken in tape.taken if taken.call.client))
    )
    # Part of it simulated: as a whole it is no proof of what the provider does.
    source = "simulator" if "simulator" in (kept.source, tape.source) else tape.source
    return Metadata(
        recorded_at=datetime.now(UTC).replace(microsecond=0),
        source=source,
        provider=tuple(facts),
        edition=tuple(edition for edition, _ in facts.values()),
        plan=tuple(plan for _, plan in facts.values()),
        client=tuple(clients),
        test=test,
        scripted=tuple(n for n, item in enumerate(items) if item.scripted),
    )


def _interaction(tape: CassetteTape, number: int, taken: Taken, owner: str) -> Raw:
    request, reply = scrubbed_request(taken.call.request), scrubbed_reply(taken.reply)
    _check(tape, number, request, reply)
    raw = interaction_form(request, reply)
    raw["recorded_at"] = taken.at.replace(microsecond=0).isoformat()
    return raw | ({"recorded_by": owner} if owner else {})


def _check(tape: CassetteTape, number: int, request: ApiRequest, reply: ApiReply) -> None:
    """Be sure that nothing is given away.

    Raises:
        BadInput: Something is: the message says where, not what.
    """
    reply = replace(reply, headers=Headers(reply.headers))
    interaction = Interaction(number, request, reply, recorded_headers=(request.headers, reply.headers))
    for found in exposed(Cassette(tape.path, (interaction,)), interaction, reply.text):
        raise BadInput(
            f"{tape.shown}: call {number + 1} of {tape.name} is not recorded: {found.message}, and it could not be "
            "scrubbed; take it out of what the test sends, or out of what is answered"
        )


PATIENCE = 30.0
"""Seconds that a test waits for others that write the same cassette: each holds it for some milliseconds."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time has it. The lock lies in the temporary folder: beside the cassette it would be litter.

    Raises:
        BadInput: Another process does not let go of it.
    """
    from filelock import FileLock, Timeout

    name = sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    lock = Path(tempfile.gettempdir()) / f"llmcontract-{_user()}-{name}.lock"
    try:
        with FileLock(lock, timeout=PATIENCE):
            yield
    except Timeout:
        raise BadInput(
            f"{path}: another process has held its lock for {PATIENCE:g} s; end that process ({lock} is the lock)"
        ) from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without names
        return "nobody"
