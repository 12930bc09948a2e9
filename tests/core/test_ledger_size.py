"""What the ledger keeps of a call beyond its bodies: at most 2 KB, so that a long test stays small."""

from __future__ import annotations

import gc
import tracemalloc

import groq
import pytest

from pytest_llmcontract import simulate

CALLS = 150
LIMITS = {"RPM": "1G", "RPD": "1G", "TPM": "1G", "TPD": "1G"}


def ask(client, number, **fields):
    messages = [{"role": "user", "content": f"Question {number}"}]
    answer = client.chat.completions.create(model="openai/gpt-oss-120b", messages=messages, **fields)
    for _ in answer if fields else ():
        pass


@pytest.mark.parametrize(
    ("plan", "money"), [("free", 0), ("developer", 256)]
)  # the second pays: an entry for each call
@pytest.mark.parametrize("fields", [{}, {"stream": True}], ids=["whole", "stream"])
def test_a_call_through_the_sdk_keeps_two_kilobytes(fields, plan, money):
    with simulate("groq", plan=plan, check=False, limits=LIMITS) as api:
        client = groq.Groq(api_key="k")
        for number in range(CALLS):  # fills what is remembered whatever the number of calls
            ask(client, number, **fields)
        gc.collect()
        tracemalloc.start()
        for number in range(CALLS):
            ask(client, number, **fields)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        bodies = sum(len(call.request.body) + len(call.reply.text.encode()) for call in api.calls[-CALLS:])

    assert (kept - bodies) / CALLS <= 2048 + money
