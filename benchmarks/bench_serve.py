"""What `llmcontract serve` costs beside a bare ASGI handler under the same uvicorn: CPU time of one JSON request.

Both are processes of their own; 32 connections ask each in turn, in rounds of one run. The figure is the ratio of the
median rounds; what the clients cost is not in it. Limits are on, and what was let in is held against them.

    python benchmarks/bench_serve.py [--rounds 7] [--calls 960]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

BARE = """
import asyncio, uvicorn

BODY = open(0).read().encode()

async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})

config = uvicorn.Config(app, port=0, http="h11", ws="none", lifespan="off", access_log=False, log_config=None)
server = uvicorn.Server(config)

async def main():
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await serving

asyncio.run(main())
"""
CONNECTIONS = 32
MODEL = "openai/gpt-oss-20b"
SENT = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 20}).encode()
HEAD = (
    "POST /openai/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer k\r\n"
    f"content-type: application/json\r\ncontent-length: {len(SENT)}\r\n\r\n"
)
LIMIT = 1_000_000
ANSWER = json.dumps({"id": "chatcmpl-1", "choices": [{"message": {"content": "Hello. " * 20}}]})


def started(command: list[str], told: bytes = b"") -> tuple[subprocess.Popen[bytes], int]:
    """A server, and its port, which its first line ends with."""
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(told)
    server.stdin.close()
    line = server.stdout.readline().decode()
    digits = [part for part in line.replace("/", " ").replace(":", " ").split() if part.isdecimal()]
    return server, int(digits[-1])


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def ask(port: int, calls: int) -> int:
    """How many of so many requests over one connection are answered 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    good = 0
    for _ in range(calls):
        writer.write(HEAD.encode() + SENT)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        good += head.startswith(b"HTTP/1.1 200")
    writer.close()
    return good


async def load(port: int, calls: int) -> int:
    return sum(await asyncio.gather(*(ask(port, calls // CONNECTIONS) for _ in range(CONNECTIONS))))


def measured(pid: int, port: int, calls: int) -> float:
    """Microseconds of CPU a request."""
    before = cpu_seconds(pid)
    good = asyncio.run(load(port, calls))
    assert good == calls // CONNECTIONS * CONNECTIONS, f"{good} of {calls} were answered"
    return (cpu_seconds(pid) - before) / good * 1e6


def admitted(limit: int) -> int:
    """How many of 3,200 calls at once a limit of so many a day lets in."""
    server, port = started(serve(f'limits={{"RPD": {limit}}}', "--virtual-time"))
    try:
        return asyncio.run(load(port, 3200))
    finally:
        server.terminate()
        server.wait()


def serve(*options: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "pytest_llmcontract.cli",
        "serve",
        "--port",
        "0",
        "--groq",
        "plan=developer",
        *options,
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=960)
    args = parser.parse_args()
    bare, bare_port = started([sys.executable, "-c", BARE], ANSWER.encode())
    limits = json.dumps(dict.fromkeys(("RPM", "RPD", "TPM", "TPD"), LIMIT * 1000))
    ours, our_port = started(serve(f"limits={limits}", "--virtual-time"))
    try:
        rounds = [
            (measured(bare.pid, bare_port, args.calls), measured(ours.pid, our_port, args.calls))
            for _ in range(args.rounds)
        ]
    finally:
        for server in (bare, ours):
            server.terminate()
            server.wait()
    low, high = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(f"bare {low:.0f} µs, serve {high:.0f} µs a request: {high / low:.2f} ×")
    print(f"a limit of 100 a day let {admitted(100)} of 3,200 calls of {CONNECTIONS} connections in")


if __name__ == "__main__":
    main()
