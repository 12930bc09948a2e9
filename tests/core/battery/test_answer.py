"""What a client made of the answer: told by its first and last words, in whatever it returned."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_llmcontract.core.battery.answer import ANSWER, extent, finish_of, part_of, pieces_of, text_of, words_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ANSWER, "whole"),
        (ANSWER.upper(), "whole"),
        (f"<p>{ANSWER}</p>\n", "whole"),
        (ANSWER.replace(" ", "\n"), "whole"),
        (part_of(ANSWER), "part"),
        ("Al", "part"),
        ("> Alpha, bravo, charlie: an", "part"),
        ("", "nothing"),
        (" \n", "nothing"),
        ("Sorry, try again later.", "other"),
        ("Error: 503", "other"),
    ],
)
def test_the_extent_of_an_answer(text, found):
    assert extent(text, ANSWER) == found


def test_the_pieces_of_an_answer_are_the_answer():
    assert "".join(pieces_of(ANSWER)) == ANSWER


def test_an_object_is_known_by_its_values():
    value = {"name": "Anna Maria", "towns": ["Buxtehude", {"x": 7}]}

    assert words_of(value) == "Anna Maria Buxtehude 7"
    assert extent('{"name": "Anna Maria", "towns": ["Buxtehude", {"x": 7}]}', words_of(value)) == "whole"
    assert extent('{"name": "Anna Maria", "towns": ["Bux', words_of(value)) == "part"


def said(content, finish="stop", kind="message"):
    return SimpleNamespace(
        choices=[SimpleNamespace(finish_reason=finish, **{kind: SimpleNamespace(content=content, tool_calls=None)})]
    )


@pytest.mark.parametrize(
    ("result", "text", "finish"),
    [
        ("a text", "a text", ""),
        (None, "", ""),
        (b"bytes", "bytes", ""),
        (said("a reply", "length"), "a reply", "length"),
        ({"choices": [{"message": {"content": "a dict"}, "finish_reason": "stop"}]}, "a dict", "stop"),
        ([said("a ", None, "delta"), said("stream", None, "delta"), said(None, "stop", "delta")], "a stream", "stop"),
        (SimpleNamespace(content="a message", response_metadata={"finish_reason": "length"}), "a message", "length"),
        (SimpleNamespace(content=[{"type": "text", "text": "blocks"}]), "blocks", ""),
        (SimpleNamespace(output="an agent's"), "an agent's", ""),
        (SimpleNamespace(name="Anna", towns=["Buxtehude"]), "Anna Buxtehude", ""),
        ({"name": "Anna", "age": 7}, "Anna 7", ""),
        (said("", "stop"), "", "stop"),
    ],
)
def test_what_clients_return_is_read(result, text, finish):
    assert text_of(result) == text
    assert finish_of(result) == finish


def test_arguments_of_a_tool_are_read_where_there_is_no_content():
    function = SimpleNamespace(name="f", arguments='{"x": 1}')
    message = SimpleNamespace(content=None, tool_calls=[SimpleNamespace(function=function)])

    assert text_of(SimpleNamespace(choices=[SimpleNamespace(message=message)])) == '{"x": 1}'
