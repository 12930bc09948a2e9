"""Ledger documents of any size, made up but shaped as sessions of real suites are: seeded, so always the same."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from pytest_llmcontract.report.document import LedgerDocument

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
MODELS = (
    # provider, plan, model, operation, dollars per million tokens in and out, limits
    ("groq", "free", "openai/gpt-oss-120b", "chat.completions", (0.15, 0.60), {"RPM": 30, "RPD": 1_000, "TPM": 8_000}),
    ("groq", "free", "llama-3.1-8b-instant", "chat.completions", (0.05, 0.08), {"RPM": 30, "TPM": 6_000}),
    ("groq", "free", "whisper-large-v3", "audio.transcriptions", (0.0, 0.0), {"RPM": 20, "ASH": 7_200}),
    ("together", "tier1", "zai-org/GLM-5.1", "chat.completions", (1.40, 4.40), {"RPM": 60, "TPM": 60_000}),
    ("together", "tier1", "intfloat/multilingual-e5-large-instruct", "embeddings", (0.02, 0.0), {}),
)
CLIENTS = {
    "groq": ("groq-python 1.7.0", "langchain-groq"),
    "together": ("together-python 2.3.0", "openai-python 2.8.0"),
}
SITES = ("app/client.py:41 in ask", "app/agents/planner.py:188 in plan", "app/summarise.py:23 in summarise")
ERRORS = {400: "unsupported_property", 404: "model_not_found", 500: "internal_server_error", 503: "over_capacity"}


def ledger(*, tests: int, calls: int, seed: int = 0) -> LedgerDocument:
    """A document of *tests* tests with *calls* calls in all."""
    maker = _Maker(random.Random(seed))
    for index in range(tests):
        maker.test(index, calls // tests + (index < calls % tests))
    return maker.document()


def said(call: dict, number: int) -> dict:
    """What was said in *call*."""
    content = f"Question {number}: what is a lighthouse?"
    body = {"model": call["model"], "messages": [{"role": "user", "content": content}], "stream": call["stream"]}
    if call["status"] != 200:
        reply = json.dumps({"error": {"message": f"Refused question {number}."}})
    elif call["stream"]:
        deltas = [{"choices": [{"delta": {"content": text}}]} for text in ("A tower ", "with a light.")]
        reply = "".join(f"data: {json.dumps(delta)}\n\n" for delta in deltas) + "data: [DONE]\n\n"
    else:
        choice = {"message": {"role": "assistant", "content": f"Answer {number}."}, "finish_reason": "stop"}
        reply = json.dumps({"id": f"chatcmpl-{number}", "choices": [choice]})
    return {
        "method": "POST",
        "url": "https://api.example/v1/chat/completions",
        "request_headers": {"authorization": "Bearer ***", "user-agent": "Groq/Python 1.7.0"},
        "request": json.dumps(body),
        "reply_headers": {"x-request-id": f"req-{number}"} if call["status"] else {},
        "reply": reply if call["status"] else "",
    }


class _Maker:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.tests: list[dict] = []
        self.calls: list[dict] = []
        self.violations: list[dict] = []

    def test(self, index: int, calls: int) -> None:
        names = ("test_answer", "test_waits_as_told", "test_agent_plans_a_trip", "test_falls_back", "test_summary")
        name = names[index % len(names)]
        folder = ("chat", "agents", "speech", "search")[index // 7 % 4]
        at, before = 0.0, len(self.violations)
        levels: dict[str, dict[str, float]] = {}
        for _ in range(calls):
            at = self.call(index, at, levels)
        found = self.violations[before:]
        self.tests.append(
            {
                "id": f"tests/{folder}/test_{folder}_{index // 40}.py::{name}[case-{index}]",
                "outcome": "failed" if any(item["severity"] == "error" for item in found) else "passed",
                "began": NOON,
                "seconds": round(at, 3),
            }
        )

    def call(self, test: int, at: float, levels: dict[str, dict[str, float]]) -> float:
        chance = self.chance
        provider, plan, model, operation, (price_in, price_out), limits = chance.choices(MODELS, (8, 4, 1, 4, 2))[0]
        spent = levels.setdefault(model, dict.fromkeys(limits, 0.0))
        tokens_in, tokens_out = chance.randrange(40, 2_500), chance.randrange(5, 700)
        asked = {kind: 1 if kind.startswith("R") else tokens_in + tokens_out for kind in limits}
        full = next((kind for kind in limits if spent[kind] + asked[kind] > limits[kind]), None)
        status = 429 if full else chance.choices((200, 400, 404, 500, 503, None), (240, 3, 1, 2, 3, 1))[0]
        answered = status == 200
        if answered:
            for kind in limits:
                spent[kind] += asked[kind]
        if not answered:
            tokens_in = tokens_out = 0
        cost = (Decimal(str(price_in)) * tokens_in + Decimal(str(price_out)) * tokens_out) / 1_000_000
        took = round(chance.uniform(0.1, 3.0), 3) if test % 3 else 0.0
        site = chance.choice(SITES)
        self.calls.append(
            {
                "test": test,
                "provider": provider,
                "plan": plan,
                "operation": operation,
                "model": model,
                "status": status,
                "error": "rate_limit_exceeded" if full else ERRORS.get(status),
                "at": round(at, 3),
                "took": took,
                "attempt": 1 if answered else chance.choice((1, 1, 2)),
                "stream": chance.random() < 0.2,
                "client": chance.choice(CLIENTS[provider]),
                "site": site,
                "usage": {
                    "input_tokens": tokens_in,
                    "cached_tokens": tokens_in // 2 if chance.random() < 0.2 else 0,
                    "output_tokens": tokens_out,
                    "source": chance.choice(("reported", "scripted", "estimated", "assumed")),
                },
                "cost": cost,
                "scripted": chance.random() < 0.3,
                "recorded": chance.random() < 0.1,
                "retry_after": 43.2 if full else None,
                "limits": {kind: (round(spent[kind], 1), limits[kind]) for kind in limits},
                "refused": {"limit": full, "requested": asked[full], "wait": 43.2} if full else None,
                "taken": {kind: asked[kind] for kind in limits} if answered else {},
            }
        )
        self.calls[-1]["exchange"] = said(self.calls[-1], len(self.calls))
        if status in (400, 404) or (answered and chance.random() < 0.004):
            self.find(test, provider, operation, site, status or 200)
        if full:  # the SDK waits, and the buckets drain meanwhile
            for kind in limits:
                spent[kind] *= 0.3
            return at + 43.2
        return at + took + (chance.choice((0.0, 0.5, 4.0)) if test % 3 else 0.0)

    def find(self, test: int, provider: str, operation: str, site: str, status: int) -> None:
        code, severity, path, sent = {
            400: ("LLM101", "error", "$.logprobs", "true"),
            404: ("LLM103", "error", "$.model", '"llama-9"'),
            200: ("LLM108", "warning", "$.model", '"llama-3.1-8b-instant"'),
        }[status]
        body = {"model": "llama-3.1-8b-instant", "messages": [{"role": "user", "content": "Hello"}], "logprobs": True}
        self.violations.append(
            {
                "code": code,
                "severity": severity,
                "message": f"{provider} {operation}: {path} is not what the provider accepts",
                "test": test,
                "call": len(self.calls) - 1,
                "provider": provider,
                "operation": operation,
                "path": path,
                "sent": sent,
                "contract": f"schemas/{provider}/{operation}.request.json#/properties/{path[2:]}",
                "answer": f"answers {status}" if status >= 400 else "",
                "fix": "leave the field out",
                "site": site,
                "request": json.dumps(body),
                "reply": json.dumps({"error": {"message": "property 'logprobs' is unsupported"}}),
                "difference": '  {\n    "model": "llama-3.1-8b-instant",\n-   "logprobs": true\n  }',
            }
        )

    def document(self) -> LedgerDocument:
        cost = sum((call["cost"] for call in self.calls), Decimal(0))
        usage = [call["usage"] for call in self.calls]
        total = {name: sum(item[name] for item in usage) for name in ("input_tokens", "cached_tokens", "output_tokens")}
        of_first = sum(call["test"] == 0 for call in self.calls)
        budgets = [
            {"scope": "test", "test": 0, "name": "calls", "limit": 40, "used": of_first, "ok": True},
            {"scope": "session", "name": "cost", "limit": "0.001", "used": str(cost), "ok": False},
        ]
        return LedgerDocument.model_validate(
            {
                "tool": "pytest-llmcontract 0.0",
                "sessions": [{"id": "1", "started": NOON + timedelta(days=51)}],
                "editions": {"groq": ["2026-10-01"], "together": ["2026-08-31"]},
                "tests": self.tests,
                "calls": self.calls,
                "totals": {
                    "tests": len(self.tests),
                    "calls": len(self.calls),
                    "tokens": total["input_tokens"] + total["output_tokens"],
                    **total,
                    "cost": cost,
                    "retries": sum(call["attempt"] > 1 for call in self.calls),
                    "seconds": sum(test["seconds"] for test in self.tests),
                    "violations": len(self.violations),
                    "errors": sum(item["severity"] == "error" for item in self.violations),
                },
                "violations": self.violations,
                "budgets": budgets if self.tests else [],
            }
        )
