"""A reply of Groq's Responses API in the form that was seen on 2026-07-25 is what the simulator answers on that day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_llmcontract.cli import main
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.recordings.layout import cassette_text, interaction_form

REQUEST = {
    "model": "openai/gpt-oss-120b",
    "instructions": "Answer in one word.",
    "input": [{"role": "user", "content": "Name a fruit."}],
    "temperature": 1,
    "top_p": 1,
    "max_output_tokens": 2048,
    "reasoning": {"effort": "medium"},
    "stream": False,
}
REPLY: dict[str, Any] = {
    "id": "resp_01kycc847ge4dskvbf49rxpr1v",
    "object": "response",
    "status": "completed",
    "created_at": 1784974414,
    "output": [
        {
            "type": "reasoning",
            "id": "resp_01kycc847ge4ebsb4rnt0rvyn0",
            "status": "completed",
            "content": [{"type": "reasoning_text", "text": "A fruit."}],
            "summary": [],
        },
        {
            "type": "message",
            "id": "msg_01kycc847ge4evy11k2br0ze0n",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Apple", "annotations": [], "logprobs": None}],
        },
    ],
    "previous_response_id": None,
    "model": "openai/gpt-oss-120b",
    "reasoning": {"effort": "medium"},
    "max_output_tokens": 2048,
    "instructions": "Answer in one word.",
    "text": {"format": {"type": "text"}},
    "tools": [],
    "tool_choice": "auto",
    "truncation": "disabled",
    "metadata": {},
    "groq": None,
    "temperature": 1,
    "top_p": 1,
    "user": None,
    "service_tier": "default",
    "background": False,
    "error": None,
    "incomplete_details": None,
    "usage": {
        "input_tokens": 103,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 80,
        "output_tokens_details": {"reasoning_tokens": 57},
        "total_tokens": 183,
    },
    "parallel_tool_calls": True,
    "store": False,
    "top_logprobs": None,
    "max_tool_calls": None,
}


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    sent = Headers({"content-type": "application/json"})
    request = ApiRequest("POST", "https://api.groq.com/openai/v1/responses", sent, json.dumps(REQUEST).encode())
    headers = {"date": "Sat, 25 Jul 2026 10:13:34 GMT", "content-type": "application/json"}
    form = interaction_form(request, ApiReply(200, headers, json.dumps(REPLY).encode()))
    path = tmp_path / "responses.yaml"
    path.write_text(cassette_text(path, {"version": 1, "interactions": [form]}), encoding="utf-8")
    return path


def test_nothing_of_the_body_differs(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["drift", str(cassette), "--json"])

    told = json.loads(capsys.readouterr().out)
    assert told["compared"] == 1
    fields = [difference["field"] for difference in told["differences"]]
    assert [field for field in fields if not field.startswith("headers")] == []


def test_a_key_that_is_not_there_is_told(cassette: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = cassette.read_text(encoding="utf-8").replace("top_logprobs", "top_logs")
    cassette.write_text(text, encoding="utf-8")
    main(["drift", str(cassette), "--json"])

    told = json.loads(capsys.readouterr().out)
    assert any("top_log" in str(difference) for difference in told["differences"])


def test_it_is_a_good_recording(cassette: Path) -> None:
    assert main(["verify", str(cassette)]) == 0
