"""The day of a recording: what tells it, what goes first, and what is done where nothing does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pytest_llmcontract import simulate
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers, StreamEvent
from pytest_llmcontract.recordings.cassette import Cassette, Interaction, Metadata
from pytest_llmcontract.recordings.dates import days_of, moment_of, recorded_on

DAY = date(2025, 9, 16)
RAY = "98017c25df13a2a8"  # of a recording of that day
NOON = datetime(2025, 9, 16, 12, tzinfo=UTC)


def interaction(index=0, recorded_at=None, body=b"{}", events=None, status=200, **headers):
    request = ApiRequest("POST", "https://api.groq.com/openai/v1/chat/completions", Headers({}))
    fields = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    pieces = None if events is None else tuple(StreamEvent(event) for event in events)
    return Interaction(index, request, ApiReply(status, fields, body, events=pieces), recorded_at)


def cassette(*interactions, **metadata):
    return Cassette(Path("x.yaml"), interactions, Metadata(**metadata) if metadata else None)


TELLING = {
    "the recorder": interaction(recorded_at=NOON),
    "the date header": interaction(date="Tue, 16 Sep 2025 12:00:00 GMT"),
    "a date without a zone": interaction(date="Tue, 16 Sep 2025 12:00:00"),
    "the ray": interaction(cf_ray=f"{RAY}-YUL"),
    "the body": interaction(body=b'{"object": "chat.completion", "created": 1758024000}'),
    "a stream": interaction(
        events=[b": hello\n\n", b'data: {"object":"chat.completion.chunk","created":1758024000}\n\n']
    ),
    "a completion": interaction(body=b'{"object": "text_completion", "created": 1758024000.5}'),
    "Together's id": interaction(body=b'{"id": "oPBSidR-zqrih-%s", "choices": []}' % RAY.encode()),
    "Together's id of an error": interaction(
        body=b'{"id": "%s", "error": {"message": "x"}}' % RAY.encode(), status=400
    ),
}


@pytest.mark.parametrize("read", TELLING.values(), ids=TELLING)
def test_what_tells_the_day(read):
    assert days_of(cassette(read)) == [DAY]


def test_groqs_request_ids_tell_the_millisecond():
    moment = datetime(2025, 9, 16, 9, 30, 0, 123_000, tzinfo=UTC)
    with simulate("groq", edition="2025-08-28") as api:
        made = api.simulator.state.envelope.request_id(moment)

    assert moment_of(interaction(x_request_id=made)) == moment
    assert moment_of(interaction(body=b'{"x_groq": {"id": "%s"}}' % made.encode())) == moment


def test_the_order_of_what_tells():
    both = interaction(date="Tue, 16 Sep 2025 12:00:00 GMT", cf_ray="88f9f2776ad6a5f4-FRA")

    assert moment_of(both) == NOON
    assert moment_of(interaction(recorded_at=NOON + timedelta(9), cf_ray=RAY)).day == 25


@pytest.mark.parametrize(
    "read",
    [
        interaction(),
        interaction(date="REDACTED", cf_ray="REDACTED", x_request_id="req_REDACTED"),
        interaction(date="Thu, 01 Jan 1970 00:00:00 GMT"),
        interaction(body=b'{"object": "chat.completion", "created": 0}'),
        interaction(body=b'{"object": "chat.completion", "created": 1e99}'),
        interaction(body=b'{"object": "model", "created": 1733447754}'),  # the model's day of birth
        interaction(body=b'[{"created": 1733447754}]'),
        interaction(events=[b"data: half a li"]),
        interaction(body=b"[" * 99_999),
    ],
)
def test_what_does_not_tell(read):
    assert moment_of(read) is None
    assert days_of(cassette(read)) == [None]


def test_neighbours_tell_the_one_before_first():
    silent, first, second = interaction(), interaction(recorded_at=NOON), interaction(recorded_at=NOON + timedelta(3))

    days = days_of(cassette(silent, first, silent, second, silent))

    assert [day.day for day in days] == [16, 16, 16, 19, 19]


def test_the_header_block_tells_where_no_interaction_does():
    assert days_of(cassette(interaction(), edition=(DAY,), recorded_at=NOON + timedelta(99))) == [DAY]
    assert days_of(cassette(interaction(), recorded_at=NOON)) == [DAY]
    assert days_of(cassette(interaction(), source="live")) == [None]
    assert days_of(cassette()) == []


def test_a_simulated_reply_is_as_old_as_its_recording_not_as_its_clock():
    simulated = cassette(interaction(recorded_at=NOON), source="simulator", recorded_at=NOON + timedelta(400))
    live = cassette(interaction(recorded_at=NOON), source="live", recorded_at=NOON + timedelta(400))

    assert recorded_on(simulated, days_of(simulated)) == [DAY + timedelta(400)]
    assert recorded_on(live, days_of(live)) == [DAY]
