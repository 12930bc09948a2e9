"""A free-plan day: 14,400 calls through the groq SDK, one every six virtual seconds, beside as many bare respx calls.

    python benchmarks/bench_free_day.py

Groq's free plan lets llama-3.1-8b-instant be called 14,400 times a day; its tokens a minute allow one call in six
seconds of up to 600 tokens. All of them must get through. Prints the CPU time of both days and their ratio.
"""

from __future__ import annotations

import time

import groq
import httpx
import respx

from pytest_llmcontract import simulate
from pytest_llmcontract.adapters.time import install_trampoline

MODEL, CALLS = "llama-3.1-8b-instant", 14_400
MESSAGES = [{"role": "user", "content": "Say hello"}]


def main() -> None:
    install_trampoline()
    usage = {"prompt_tokens": 25, "completion_tokens": 9}
    with simulate("groq", edition="2026-06-04") as api:
        api.reply("Hello.", usage=usage, times=None)
        client = groq.Groq(api_key="k")
        began = time.process_time()
        for _ in range(CALLS):
            client.chat.completions.create(model=MODEL, messages=MESSAGES)
            time.sleep(6)
        ours = time.process_time() - began
        assert api.calls.statuses == [200] * CALLS
        body, headers = api.calls.last.reply.body, dict(api.calls.last.reply.headers)
    with respx.mock as router:
        route = router.post("https://api.groq.com/openai/v1/chat/completions")
        route.mock(return_value=httpx.Response(200, headers=headers, content=body))
        client = groq.Groq(api_key="k")
        began = time.process_time()
        for _ in range(CALLS):
            client.chat.completions.create(model=MODEL, messages=MESSAGES)
        bare = time.process_time() - began
    print(f"simulated day {ours:.1f} s, bare respx {bare:.1f} s of CPU: ratio {ours / bare:.2f}")


if __name__ == "__main__":
    main()
