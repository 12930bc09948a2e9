"""How long `llmcontract verify` takes, against PyYAML alone: ``python benchmarks/bench_verify.py [FOLDER]``.

FOLDER holds YAML cassettes; without one, 1,000 interactions are made with the simulation. Prints, as ratios inside
one run, the CPU time of ``verify`` to that in which ``yaml.CSafeLoader`` alone reads the same files (at most 1.25),
and for the same interactions as JSON how many are verified a second (at least 3,000).

The first reading of a process also compiles the schemas of every day in the recordings, and is shown apart.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import yaml

from pytest_llmcontract import simulate, verify

ROUNDS = 7
INTERACTIONS = 1_000
PER_FILE = 50


def interaction(number: int) -> dict[str, Any]:
    """A call of the kinds that applications make: plain, with a tool, streamed, long."""
    body: dict[str, Any] = {
        "model": "openai/gpt-oss-120b",
        "messages": [{"role": "user", "content": f"Name fruit number {number}. " + "And so on. " * (number % 40)}],
        "temperature": 0.5,
    }
    if number % 4 == 1:
        parameters = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
        body["tools"] = [{"type": "function", "function": {"name": "fruit", "parameters": parameters}}]
    if number % 4 == 2:
        body["stream"] = True
    url = "https://api.groq.com/openai/v1/chat/completions"
    reply = httpx.post(url, json=body, headers={"authorization": "Bearer x"})
    return {
        "request": {"method": "POST", "uri": url, "body": json.dumps(body), "headers": {"accept": ["*/*"]}},
        "response": {
            "status": {"code": reply.status_code, "message": "OK"},
            "headers": {name: [value] for name, value in reply.headers.items()},
            "body": {"string": reply.text},
        },
    }


def write_recordings(folder: Path) -> None:
    with simulate("groq", plan="developer", check=False) as api:
        answer = "An apple, a pear and a plum. " * 8
        api.reply(answer, times=None, when=lambda request: "tools" not in request.json)
        made = [interaction(number) for number in range(INTERACTIONS)]
    for start in range(0, len(made), PER_FILE):
        document = {"interactions": made[start : start + PER_FILE], "version": 1}
        (folder / f"{start:05}.yaml").write_text(yaml.dump(document, Dumper=yaml.CDumper), encoding="utf-8")


def write_as_json(files: list[Path], folder: Path) -> int:
    """The same as JSON; how many interactions that are."""
    total = 0
    for number, file in enumerate(files):
        document = yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
        total += len(document["interactions"])
        (folder / f"{number:05}.json").write_text(json.dumps(document, indent=1, default=str), encoding="utf-8")
    return total


def seconds(work: Callable[..., object], *given: object) -> float:
    began = time.process_time()
    work(*given)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    given = parser.parse_args().folder
    with TemporaryDirectory() as made, TemporaryDirectory() as as_json:
        folder = given or Path(made)
        if given is None:
            write_recordings(folder)
        files = sorted(folder.rglob("*.yaml"))
        total = write_as_json(files, Path(as_json))

        def alone(file: Path) -> None:
            yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)

        megabytes = sum(file.stat().st_size for file in files) / 1e6
        # What else this process has loaded shall not slow down the one that lets Python's garbage be collected.
        gc.collect()
        gc.freeze()
        # File by file, one after the other: what disturbs the machine for a moment then spoils a single figure.
        rounds = [[(seconds(alone, file), seconds(verify, file)) for file in files] for _ in range(ROUNDS)]
        jsons = [seconds(verify, as_json) for _ in range(ROUNDS)]
    yaml_first, ours_first = map(sum, zip(*rounds[0], strict=True))
    by_file = list(zip(*rounds, strict=True))
    yaml_alone, ours = (sum(min(pair[which] for pair in pairs) for pairs in by_file) for which in (0, 1))
    figures = {
        "interactions": total,
        "megabytes": round(megabytes, 1),
        "yaml_alone_s": round(yaml_alone, 3),
        "verify_s": round(ours, 3),
        "ratio": round(ours / yaml_alone, 3),
        "ratio_first": round(ours_first / yaml_first, 3),
        "json_a_second": round(total / min(jsons)),
    }
    print(f"YAML  verify {ours:.3f} s, CSafeLoader alone {yaml_alone:.3f} s: ratio {figures['ratio']} (to reach: 1.25)")
    print(f"      the first time, with schemas to compile: ratio {figures['ratio_first']}")
    print(f"JSON  {figures['json_a_second']:,} interactions a second (to reach: 3,000)")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
