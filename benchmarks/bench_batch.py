"""A batch of 50,000 lines, from upload to its results: seconds and memory.

``python benchmarks/bench_batch.py``; the budget is 60 s and 500 MB.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from groq import Groq

from pytest_llmcontract import simulate

LINES = 50_000
MODEL = "openai/gpt-oss-20b"


def requests() -> bytes:
    """The file."""
    return b"".join(json.dumps(line(number)).encode() + b"\n" for number in range(LINES))


def line(number: int) -> dict[str, object]:
    asked = [
        {"role": "system", "content": "Sort the ticket."},
        {"role": "user", "content": f"Ticket {number}: no sound"},
    ]
    body = {"model": MODEL, "messages": asked, "max_completion_tokens": 64}
    return {"custom_id": f"ticket-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}


def run() -> tuple[float, int]:
    """Real seconds from the upload to the results, and how many there are."""
    data, began = requests(), time.perf_counter()
    with simulate("groq", plan="developer") as api:
        client = Groq(api_key="gsk_test")
        file = client.files.create(file=("tickets.jsonl", data), purpose="batch")
        batch = client.batches.create(
            input_file_id=str(file.id), endpoint="/v1/chat/completions", completion_window="24h"
        )
        api.clock.advance(hours=24)
        done = client.batches.retrieve(batch.id)
        answers = client.files.content(str(done.output_file_id)).read()
    return time.perf_counter() - began, answers.count(b"\n")


if __name__ == "__main__":
    seconds, answered = run()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    print(f"{answered:,} of {LINES:,} lines answered in {seconds:.1f} s, at most {peak:.0f} MB")
    sys.exit(answered != LINES or seconds > 60 or peak > 500)
