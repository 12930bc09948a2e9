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

from pytest_llmcontract.core.facts.lifecycle import Lifecycle
from pytest_llmcontract.scan.calls import meant
from pytest_llmcontract.scan.sources import Source

FARTHEST = 400
"""Lines beside one that are asked."""

# Hosts of the same open models, and makers of others; not the makers whose names stand in ids everywhere (meta, qwen).
_OTHERS = (
    "openrouter|deepinfra|nvidia|nim|cerebras|sambanova|fireworks|ollama|hugging_?face|hf|transformers|bedrock|sagemaker|"
    "azure|vertex|mistral|cohere|deepseek|novita|nebius|hyperbolic|anyscale|replicate|perplexity|lepton|octo_?ai|"
    "cloudflare|workers_?ai|watsonx|databricks|baseten|friendli|silicon_?flow|dash_?scope|lm_?studio|vllm|llama_?cpp|"
    "gemini|anthropic|claude|xai|grok|github|aiml|snowflake|oci|predibase|featherless|parasail|chutes|kluster|modal|"
    "moonshot|minimax|zhipu|volcengine|scaleway|ovh|llamafile|gpt4all|mlx|portkey|ai21|voyage|jina|gradient"
)
_OTHER = re.compile(
    rf"(?<![a-z])(?:{_OTHERS})(?![a-z])|[\"']open_?ai[\"']|^\s*(?:- )?open_?ai\s*:", re.IGNORECASE | re.MULTILINE
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ID = re.compile(r"[\w.-]+/[\w./-]+")


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

    def sure(self, life: Lifecycle, id: str, line: int) -> Sure:
        """How surely *id*, which *life* knows and which has no prefix, means its provider in *line* (from 1)."""
        decided = self._decided(line)
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

    def _decided(self, line: int) -> str | None:
        """Of the innermost place that names one host: ours, or ``other``."""
        if line in self._meant:
            return self._meant[line]
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
    plain = _CAMEL.sub("_", _ID.sub(" ", text)).replace("_", " _ ")
    return frozenset(ours | ({"other"} if _OTHER.search(plain) else set()))


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
    """The lines as deep as *line* around it, and the first above that is less deep."""
    found, above = [], None
    for number in range(line, max(0, line - FARTHEST), -1):
        text = source.lines[number - 1]
        if text.strip() and _depth(text) < depth and not _closes(text):
            above = number
            break
        if _depth(text) == depth:
            found.append(number)
    for number in range(line + 1, min(len(source.lines), line + FARTHEST) + 1):
        text = source.lines[number - 1]
        if text.strip() and _depth(text) < depth:
            break
        if _depth(text) == depth:
            found.append(number)
    return found, above


@cache
def _depth(line: str) -> int:
    """Columns that a line is set in; the dash of a list in YAML counts as that, too."""
    bare = line.lstrip(" \t-") if line.lstrip().startswith("- ") else line.lstrip()
    return len(line.expandtabs(4)) - len(bare.expandtabs(4)) if bare else -1


def _closes(line: str) -> bool:
    return line.strip()[:1] in (")", "]", "}")
