"""Which provider a place in a source tree means: said by the id itself, by the code around it, or by its file.

People keep what belongs together together: an id stands below the key, the class or the client that names its host. So
the lines around it are asked from the inside out (its own, those beside it, the one they stand below, and so on), then
the path, then the whole file. The first that names exactly one host decides; one that names several says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache, cached_property
from itertools import pairwise

from pytest_llmcontract.core.facts.lifecycle import Lifecycle
from pytest_llmcontract.scan.calls import OTHER, meant
from pytest_llmcontract.scan.sources import Source

FARTHEST = 400
"""Lines beside one that are asked."""

# Hosts of the same open models, and makers of others; not the makers whose names stand in ids everywhere (meta, qwen).
_OTHERS = frozenset(
    name
    for line in (
        "openrouter deepinfra nim cerebras sambanova fireworks ollama huggingface hf transformers bedrock sagemaker",
        "azure wandb vertex vertexai novita nebius hyperbolic anyscale replicate perplexity lepton octoai",
        "cloudflare workersai watsonx databricks",
        "baseten friendli friendliai siliconflow dashscope lmstudio vllm llamacpp github aiml",
        "snowflake oci predibase featherless parasail chutes kluster modal volcengine scaleway ovh ovhcloud llamafile",
        "gpt4all mlx voyage jina gradient anthropic",
    )
    for name in line.split()
)
_MAKERS = "open_?ai|mistral(?:_?ai)?|deepseek|moonshot|minimax|cohere|nvidia|zhipu|gemini|google|xai|ai21"
_MAKER = re.compile(rf"[\"'](?:{_MAKERS})[\"']|^\s*(?:- )?(?:{_MAKERS})\s*:", re.IGNORECASE | re.MULTILINE)
"""Makers of models stand in their names everywhere; as a host they count where they are a word of their own."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[a-z0-9]+")
_ID = re.compile(r"(?<![/\w.-])(?:[\w.-]+/[\w./-]+|[\w.]*-(?=[\w.-]*\d)[\w.-]+)")


class Sure(Enum):
    """How surely a place means a provider."""

    CERTAIN = "certain"
    PERHAPS = "perhaps"
    NO = "no"


class Names:
    """Which lines of a file name which hosts.

    Args:
        lives: The providers that are looked for.
    """

    def __init__(self, source: Source, lives: tuple[Lifecycle, ...]) -> None:
        self._source = source
        self._lives = lives
        self._known: dict[int, frozenset[str]] = {}

    def sure(self, life: Lifecycle, id: str, offset: int) -> Sure:
        """How surely *id*, which *life* knows and which has no prefix, means its provider at *offset* of the text."""
        decided = self._decided(*self._source.place(offset))
        if decided is not None:
            return Sure.CERTAIN if decided == life.provider else Sure.NO
        if life.is_own(id):
            return Sure.CERTAIN
        if self._of_file == {life.provider}:
            return Sure.CERTAIN
        return Sure.PERHAPS if life.provider in self._of_file else Sure.NO

    @cached_property
    def _of_file(self) -> frozenset[str]:
        return _hosts(self._lives, self._source.text)

    @cached_property
    def _meant(self) -> Mapping[int, str]:
        return meant(self._source, self._lives)

    def _decided(self, line: int, column: int) -> str | None:
        """Of the innermost place that names one host: ours, or ``other``."""
        if line in self._meant:
            return self._meant[line]
        if len(self._named_in(line)) > 1:
            for head in heads(self._source.lines[line - 1], column - 1):
                if said := _only(_hosts(self._lives, head)):
                    return said
        for scope in scopes(self._source, line):
            if said := self._said(scope):
                return said
        for part in reversed(self._source.path.parts):
            if said := _only(_hosts(self._lives, part)):
                return said
        return None

    def _said(self, scope: list[int]) -> str | None:
        return _only(frozenset().union(*map(self._named_in, scope)))

    def _named_in(self, line: int) -> frozenset[str]:
        if line not in self._known:
            self._known[line] = _hosts(self._lives, self._source.lines[line - 1])
        return self._known[line]


def _hosts(lives: tuple[Lifecycle, ...], text: str) -> frozenset[str]:
    """The hosts that *text* names: ours, and ``other`` for all that are none of ours."""
    ours = {life.provider for life in lives if life.is_named(text)}
    return frozenset(ours | ({OTHER} if _names_other(text) else set()))


def _names_other(text: str) -> bool:
    words = _WORD.findall(_CAMEL.sub("_", _ID.sub(" ", text)).lower())
    pairs = (first + second for first, second in pairwise(words))
    return not _OTHERS.isdisjoint(words) or not _OTHERS.isdisjoint(pairs) or _MAKER.search(text) is not None


def _only(hosts: frozenset[str]) -> str | None:
    return next(iter(hosts)) if len(hosts) == 1 else None


def scopes(source: Source, line: int) -> Iterator[list[int]]:
    """The lines around *line*, from the inside out: itself, those beside it, the one they stand below, and so on."""
    yield [line]
    while True:
        depth = _depth(source.lines[line - 1])
        beside, above = _beside(source, line, depth)
        yield beside
        if above is None or depth == 0:
            return
        line = above
        yield [line]


def _beside(source: Source, line: int, depth: int) -> tuple[list[int], int | None]:
    """The lines as deep as *line* around it, of a list in YAML those of its item; and the first above that is less
    deep."""
    found, above, own = [], None, True
    for number in range(line, max(0, line - FARTHEST), -1):
        text = source.lines[number - 1]
        if text.strip() and _depth(text) < depth and not _closes(text):
            above = number
            break
        if _depth(text) == depth and own:
            found.append(number)
            own = not _is_item(text)
    for number in range(line + 1, min(len(source.lines), line + FARTHEST) + 1):
        text = source.lines[number - 1]
        if text.strip() and (_depth(text) < depth or (_depth(text) == depth and _is_item(text))):
            break
        if _depth(text) == depth:
            found.append(number)
    return found, above


def _is_item(line: str) -> bool:
    return line.lstrip().startswith("- ")


def heads(line: str, column: int) -> Iterator[str]:
    """What stands before each bracket that is open at *column* of a line, the innermost first: ``"groq": ``."""
    closed = 0
    for at in range(column - 1, max(-1, column - FARTHEST * 10), -1):
        if line[at] in ")]}":
            closed += 1
        elif line[at] in "([{":
            if not closed:
                yield re.split(r"[,;(\[{]", line[max(0, at - 80) : at])[-1]
            closed = max(0, closed - 1)


@cache
def _depth(line: str) -> int:
    """Columns that a line is set in; the dash of a list in YAML counts as that, too."""
    bare = line.lstrip(" \t-") if _is_item(line) else line.lstrip()
    return len(line.expandtabs(4)) - len(bare.expandtabs(4)) if bare else -1


def _closes(line: str) -> bool:
    return line.strip()[:1] in (")", "]", "}")
