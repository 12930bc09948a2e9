"""What travels: headers by any case, streams kept as one text, repetitions kept once."""

from __future__ import annotations

from pytest_llmcontract.core.exchange import (
    ApiReply,
    ApiRequest,
    Headers,
    StreamEvent,
    heard,
    kept_once,
    key_mark,
    masked,
)

PIECES = (StreamEvent(b"a"), StreamEvent("é".encode(), 0.5), StreamEvent(b""), StreamEvent(b"c", 0.5))


def test_headers_are_found_whatever_the_case_and_a_later_duplicate_wins():
    headers = Headers({"Retry-After": "1", "X-A": "2", "retry-after": "3"})

    assert (headers["RETRY-AFTER"], headers.get("x-b")) == ("3", None)
    assert dict(headers.items()) == dict(headers) == {"retry-after": "3", "x-a": "2"}
    assert len(headers) == 2
    assert headers == {"retry-after": "3", "x-a": "2"}
    assert repr(headers) == "{'retry-after': '3', 'x-a': '2'}"


def test_masking_leaves_the_original_alone():
    headers = Headers({"Authorization": "Bearer gsk_secret", "Accept": "*/*"})

    assert masked(headers)["authorization"] == "Bearer ***"
    assert headers["authorization"] == "Bearer gsk_secret"


def test_what_requests_have_in_common_is_kept_once():
    def request():
        fields = {"".join(["us", "er-agent"]): "".join(["Groq/", "Python 1.7.0"]), "accept": "*/*"}
        return ApiRequest(
            "POST", "".join(["https://api.groq.com/", "v1"]), masked(fields), b"", "".join(["a", ".py:1"])
        )

    one, other = request(), request()

    assert one.url is other.url
    assert one.site is other.site
    assert one.headers._values is other.headers._values
    assert one.headers._places is other.headers._places


def test_what_never_repeats_does_not_stay_for_ever():
    from pytest_llmcontract.core import exchange

    for number in range(10_000):
        kept_once(f"unique {number}")

    assert len(exchange._REPEATED) <= 4096


def test_the_pieces_of_a_stream_come_back_as_they_were():
    reply = ApiReply(200, events=PIECES)

    assert tuple(reply.events) == PIECES
    assert reply.events == PIECES
    assert (reply.events[1], reply.events[-1], reply.events[1:3]) == (PIECES[1], PIECES[3], PIECES[1:3])
    assert len(reply.events) == 4
    assert reply.text == "aéc"
    assert repr(reply.events) == repr(PIECES)


def test_replies_with_the_same_stream_are_equal():
    assert ApiReply(200, events=PIECES) == ApiReply(200, events=list(PIECES))
    assert ApiReply(200, events=PIECES) != ApiReply(200, events=PIECES[1:])
    assert hash(ApiReply(200, events=PIECES).events) == hash(ApiReply(200, events=list(PIECES)).events)


def test_keys_are_told_apart_without_being_known():
    def sent(key):
        return heard("POST", "https://api.groq.com/openai/v1/models", {"Authorization": key}, b"", "")

    first, second = sent("Bearer gsk_first"), sent("Bearer gsk_second")

    assert first.key_mark == sent("bearer gsk_first").key_mark == key_mark("gsk_first") != second.key_mark
    assert heard("GET", "https://api.groq.com", {}, b"", "").key_mark == 0
    assert first.headers["authorization"] == "Bearer ***"
    assert str(first.key_mark) not in repr(first)
