"""A secret in any place of an exchange is neither recorded nor told, and where it was recorded it is found."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places import BY_NAME, BY_SHAPE

from pytest_llmcontract.core.exchange import ApiRequest, Headers
from pytest_llmcontract.recordings.cassette import Cassette, Interaction
from pytest_llmcontract.recordings.exposed import exposed
from pytest_llmcontract.recordings.layout import interaction_form
from pytest_llmcontract.recordings.scrub import scrubbed_reply, scrubbed_request

LETTERS = string.ascii_letters + string.digits


def words(size, letters=LETTERS):
    """Random ones, as keys are: with figures, and of many letters."""
    text = st.text(letters, min_size=size, max_size=size)
    return text.filter(lambda word: len(set(word)) >= 12 and sum(map(str.isdigit, word)) >= 2)


SHAPED = st.one_of(
    words(52).map("gsk_{}".format),
    words(40, LETTERS + "_-").map(lambda word: f"tgp_v1_{word}9"),
    words(48).map("sk-proj-{}".format),
    words(48, "0123456789abcdef").map("sk_{}".format),
    words(40).map("ya29.{}".format),
    words(28).map("GOCSPX-{}".format),
    words(64).map(lambda word: f"SG.{word[:22]}.{word[22:]}"),
    words(24).map("xoxc-1-{}".format),
    words(36).map("ghp_{}".format),
)
fewer = settings(max_examples=20, suppress_health_check=list(HealthCheck))


def recorded(message):
    """All that a cassette would hold of it, as text."""
    empty = ApiRequest("POST", "https://api.groq.com/", Headers({}))
    from pytest_llmcontract.core.exchange import ApiReply

    request, reply = (message, ApiReply(200)) if isinstance(message, ApiRequest) else (empty, message)
    return repr(interaction_form(scrubbed_request(request), scrubbed_reply(reply)))


def found_in(message):
    """What ``verify`` says of it, had it been recorded as it is."""
    from pytest_llmcontract.core.exchange import ApiReply

    empty = ApiRequest("POST", "https://api.groq.com/", Headers({}))
    request, reply = (message, ApiReply(200)) if isinstance(message, ApiRequest) else (empty, message)
    headers = ({name.lower(): value for name, value in part.headers.items()} for part in (request, reply))
    interaction = Interaction(0, request, reply, recorded_headers=tuple(headers))
    return list(exposed(Cassette(Path("x.yaml"), (interaction,)), interaction, reply.text))


@pytest.mark.parametrize("place", BY_NAME)
@given(secret=words(40))
@fewer
def test_what_its_name_or_place_makes_a_secret_is_not_recorded(place, secret):
    assert secret not in recorded(BY_NAME[place](secret))


@pytest.mark.parametrize("place", BY_NAME | BY_SHAPE)
@given(secret=SHAPED)
@fewer
def test_what_has_the_shape_of_a_key_is_recorded_nowhere(place, secret):
    shown = recorded((BY_NAME | BY_SHAPE)[place](secret))

    assert secret not in shown
    assert secret[9:] not in shown  # nor the most of it


@pytest.mark.parametrize("place", BY_NAME | BY_SHAPE)
@given(secret=SHAPED)
@fewer
def test_scrubbing_twice_changes_nothing_more(place, secret):
    message = (BY_NAME | BY_SHAPE)[place](secret)
    scrub = scrubbed_request if isinstance(message, ApiRequest) else scrubbed_reply
    once = scrub(message)

    assert scrub(once) == once


PACKED = {place for place in BY_SHAPE if place.startswith("packed")}
"""A cassette is unpacked when it is read."""


@pytest.mark.parametrize("place", sorted((BY_NAME | BY_SHAPE).keys() - PACKED))
def test_what_was_recorded_with_a_secret_is_found_by_verify_and_nothing_is_after_scrubbing(place):
    message = (BY_NAME | BY_SHAPE)[place]("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")
    scrub = scrubbed_request if isinstance(message, ApiRequest) else scrubbed_reply

    assert found_in(message)
    assert found_in(scrub(message)) == []


@pytest.mark.parametrize("place", BY_NAME | BY_SHAPE)
def test_no_repr_shows_it(place):
    secret = "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"

    assert secret not in repr((BY_NAME | BY_SHAPE)[place](secret))
