"""Credentials and account ids by their shape, by what they are called, and by where they stand.

The one place for it: none gets into a text of ours, or stays unseen in a recording. Scanners that others keep were
weighed over 1,943 recorded exchanges, 7 MB: detect-secrets 1.5.0 takes 25 s, has no shape for Groq's or Together's
keys, and finds 88 times a request id. Betterleaks 2.0.0 is a library of 54 MB.

Most texts hold none, so a compiled pattern says first whether there is anything at all: jsonschema-rs, which judges
requests, brings Rust's regular expressions along. Only then Python's say what and where.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Literal

from pytest_llmcontract.core.words import shortened, visible

MASK = "***"

_SHAPES = (
    ("Groq key", r"gsk_[A-Za-z0-9]{16,}"),
    ("Together key", r"tgp_[A-Za-z0-9_-]{16,}"),
    ("Together key", r"key_[A-Za-z0-9_-]{16,}"),
    ("Together key", r"[0-9a-f]{64}"),
    ("OpenAI, Anthropic or like key", r"c?sk-[A-Za-z0-9_-]{16,}"),
    ("Stripe key", r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("ElevenLabs or like key", r"sk_[A-Za-z0-9]{16,}"),
    ("Hugging Face token", r"hf_[A-Za-z0-9]{16,}"),
    ("Google key", r"AIza[A-Za-z0-9_-]{30,}|GOCSPX-[A-Za-z0-9_-]{16,}"),
    ("Google token", r"ya29\.[A-Za-z0-9_.-]{20,}|1//0[A-Za-z0-9_-]{24,}"),
    ("AWS key", r"A[KS]IA[A-Z0-9]{16}|ABSK[A-Za-z0-9+/=]{40,}"),
    ("GitHub token", r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{30,}"),
    ("GitLab token", r"gl(?:pat|dt|rt|cbt|ptt|soat)-[A-Za-z0-9_-]{20,}"),
    ("Slack token", r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9%-]{10,}|xapp-[A-Za-z0-9-]{10,}"),
    ("Slack address", r"hooks\.slack\.com/[a-z]{4,12}/[A-Za-z0-9/]{20,}"),
    ("Discord address", r"discord(?:app)?\.com/api/webhooks/[0-9]{10,}/[A-Za-z0-9_-]{30,}"),
    ("SendGrid key", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("Twilio key", r"SK[0-9a-f]{32}"),
    ("Telegram token", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
    ("Mailgun key", r"key-[0-9a-f]{32}"),
    ("Brevo key", r"xkeysib-[0-9a-f]{40,}-[A-Za-z0-9]{10,}"),
    ("Shopify token", r"shp(?:at|ca|pa|ss)_[A-Za-z0-9]{30,}"),
    ("DigitalOcean token", r"do[opr]_v1_[0-9a-f]{60,}"),
    ("HashiCorp token", r"hv[sbr]\.[A-Za-z0-9_-]{24,}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{50,}"),
    ("Atlassian token", r"ATATT3[A-Za-z0-9_=-]{30,}"),
    ("Notion token", r"ntn_[A-Za-z0-9]{30,}|secret_[A-Za-z0-9]{40,}"),
    ("Linear key", r"lin_(?:api|oauth)_[A-Za-z0-9]{30,}"),
    ("Grafana token", r"gl(?:sa|c)_[A-Za-z0-9+/=_]{30,}"),
    ("Docker token", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}"),
    ("Supabase token", r"sb[ps]_[A-Za-z0-9]{30,}|sb_secret_[A-Za-z0-9_-]{20,}"),
    ("signing secret", r"whsec_[A-Za-z0-9+/=]{20,}"),
    ("age key", r"AGE-SECRET-KEY-1[A-Z0-9]{50,}"),
    ("xAI key", r"xai-[A-Za-z0-9]{40,}"),
    ("Perplexity key", r"pplx-[A-Za-z0-9]{30,}"),
    ("Fireworks key", r"fw_[A-Za-z0-9]{20,}"),
    ("Replicate token", r"r8_[A-Za-z0-9]{30,}"),
    ("Jina key", r"jina_[A-Za-z0-9_-]{30,}"),
    ("Runpod key", r"rpa_[A-Za-z0-9]{30,}"),
    ("NVIDIA key", r"nvapi-[A-Za-z0-9_-]{40,}"),
    ("LangSmith key", r"lsv2_[a-z]{2}_[A-Za-z0-9_]{30,}"),
    ("Tavily key", r"tvly-[A-Za-z0-9-]{20,}"),
    ("Databricks token", r"dapi[0-9a-f]{32}"),
    ("npm token", r"npm_[A-Za-z0-9]{30,}"),
    ("PyPI token", r"pypi-[A-Za-z0-9_-]{40,}"),
    ("JSON Web Token", r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}"),
    ("organisation id", r"org[_-][A-Za-z0-9]{16,}"),
    ("project id", r"proj(?:ect)?[_-][A-Za-z0-9]{16,}"),
)
"""What it is, and its pattern, in the syntax that Python and Rust share."""

# A shape begins a word. Where it is sought, escapes may stand before it whose last letters are none of a word's:
# \n and \u201c of JSON, %3A of an address, %253A of an address in one.
_BEGINS = (
    r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4})|(?<=\\x[0-9A-Fa-f]{2})"
    r"|(?<=%[0-9A-Fa-f]{2})|(?<=%25[0-9A-Fa-f]{2}))"
)
_ANY = re.compile(_BEGINS + "(?:" + "|".join(f"({pattern})" for _, pattern in _SHAPES) + ")(?![A-Za-z0-9])")
_HEX = re.compile(r"[0-9a-f]{64}")
_CALLED_A_KEY = re.compile(r"(?i)(?:key|token|secret|bearer|authorization)\W{1,6}(?:\w{2,9}\W{1,3})?$")

_PRIVATE = r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-[0-9]"
_PRIVATE_KEY = re.compile(rf"(?:{_PRIVATE})(?:(?!-----END)[^\"<])*(?:-----END(?:[A-Z0-9 ]{{0,40}}-----)?)?")

_USERINFO = r"://[^\s/?#\"'<>\\]{1,512}@"
_IN_ADDRESS = re.compile(r"://([^\s/?#\"'<>\\]{1,512})@")

_SAYS = r"auth|token|key|secret|cookie|signature|passw|pwd|passphrase|credential"
"""What a name says under which a secret may stand."""
_NAMED = (
    rf"(?i:{_SAYS})[\w.-]{{0,40}}"
    r"(?:\\*[\"']\s*:\s*\\*[\"'\[{]|\\*[\"']?\]?\s*(?:=|%3[AaDd])|\s*:\s*[\w\"'\\]|\s+[\w\"']{16})"
)
_VALUE = re.compile(
    rf"""(?i:{_SAYS})[\w.-]{{0,40}}(?P<close>\\*["'])?\]?\s*(?P<is>=>?|:|%3[AaDd])\s*
    (?:(?P<escaped>\\+["'])(?P<within>(?:(?!(?P=escaped))[\s\S]){{0,8192}})
    |(?P<quote>["'])(?P<quoted>(?:(?!(?P=quote))[^\\]|\\.){{0,8192}})
    |(?P<bare>(?:(?:bearer|basic|token|digest|apikey|key)\s+)?[^\s"'\\,;&<>{{}}()\[\]]+))""",
    re.VERBOSE,
)
_BEFORE = re.compile(r"[A-Za-z0-9_.\-]{0,60}$")
_BEARER = re.compile(r"(?i)\bbearer(?:\s|%20|\+)+([A-Za-z0-9_.~+/=-]{16,})")
_OPTION = re.compile(rf"--?[\w-]{{0,30}}(?i:{_SAYS})[\w-]{{0,30}}[ =]+[\"']?([^\s\"']+)")
_COOKIES = re.compile(r"(?i)cookie\w{0,10}\s*[:=]\s*([^\r\n\"'\\]{1,8192})")
_LISTED = re.compile(
    r"(?i)(?:^|[;\"'])\s*(?:password|pwd|\w{0,20}(?:key|secret|signature|token))\s?=\s?([^;\"'\s]+)(?=;)"
)
_IN_QUERY = re.compile(r"([?&;])([^=&#\s\"'\\]{1,100})=([^&#\s\"'\\]+)")

_HEADERS = re.compile(r"(?i)headers\\*[\"']\s*:\s*\{([^{}]{0,8192})")
_HEADER = re.compile(r"([\w-]+)\\*[\"']\s*:\s*\\*[\"']([^\"'\\]+)")
_FIELD = re.compile(r"(?i)[; ]name=\"([^\"\r\n]{1,100})\"[^\r\n]*(?:\r\n[^\r\n]+){0,9}\r\n\r\n([^\r\n]{1,8192})")

_MADE_UP = re.compile(
    r"(?i)example|dummy|placeholder|redacted|scrubbed|filtered|removed|replace|changeme|xxxx|\*\*\*"
    r"|[_-](?:test|fake|mock|your|my)"
)


@dataclass(frozen=True, slots=True)
class Secret:
    """Something in a text that should not be there."""

    kind: Literal["key", "account"]
    """``account``: the id of an organisation or a project. It opens nothing, and says whose account it was."""
    what: str
    """``Groq key``, ``organisation id``: for a message; never the secret itself."""
    start: int
    end: int
    """In the text once letters that are escaped without need (``\\u0067sk_``, ``%67sk_``) are themselves."""


def has_secrets(text: str) -> bool:
    """Whether there may be something in *text* that :func:`secrets_in` finds. Takes no time."""
    return _may_have("shapes", text) or _may_have("places", text)


def secrets_in(text: str) -> Iterator[Secret]:
    """What looks like a credential or the id of an account, in order; but nothing that says it is made up."""
    if not has_secrets(text):
        return
    text = _plainly(text)
    for secret in _find(text):
        if not made_up(text[secret.start : secret.end]):
            yield secret


def scrubbed(text: str) -> str:
    """*text* as it may leave: no credential in it, and no sign that a terminal or a CI would obey.

    Every way out ends here: terminal, annotations, Markdown, SARIF, JSON. Generous: a hash that looks like a key of
    Together costs a report nothing. Of JSON it leaves JSON.
    """
    return visible(without_query_secrets(_HEX.sub(MASK, without_keys(text))))


def excerpt(text: str, most: int) -> str:
    """The beginning of *text* as it may leave, in at most *most* characters. For all that somebody else wrote.

    Scrubbed before it is cut: half of a key has no shape.
    """
    return shortened(scrubbed(text), most)


def without_keys(text: str) -> str:
    """*text* without credentials; the ids of accounts stay."""
    return _replaced(text, "key")


def without_secrets(text: str) -> str:
    """*text* as it may be recorded: a credential is ``***``, an organisation ``org_***``.

    The same for every credential: nothing can be derived from it, and a replay with another key still matches.
    """
    return _replaced(text, "key", "account")


def without_query_secrets(url: str) -> str:
    """*url* without what its query has under the name of a credential, whatever the shape."""
    return _IN_QUERY.sub(_masked_query, url) if "=" in url else url


def _masked_query(found: re.Match[str]) -> str:
    secret = _is_query_secret(found[2], found[3])
    return f"{found[1]}{found[2]}={MASK}" if secret else found[0]


def _is_query_secret(name: str, value: str) -> bool:
    """In an address nobody needs ``key=`` and ``token=`` for anything else."""
    return is_secret(name, value) or (
        says_secret(name) > 0 and _words(name)[-1:] in (["key"], ["token"], ["signature"])
    )


def query_secret(url: str) -> str:
    """What *url* has under such a name, if it may be a real one; else empty."""
    found = (part for part in _IN_QUERY.finditer(url) if _is_query_secret(part[2], part[3]))
    return next((part[3] for part in found if may_be_real(part[3])), "")


def without_user(url: str) -> str:
    """*url* as it may be shown: no password before the host, none in the query, no key anywhere."""
    return without_query_secrets(without_keys(url)) if "@" in url or "?" in url or has_secrets(url) else url


# Names


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TELLING = _set(
    "auth authn authz authorization authentication authenticate bearer token key secret cookie signature sig "
    "password passwd passphrase pwd credential apikey vk"
)
_SURE = _set("authorization secret cookie password passwd passphrase pwd credential apikey bearer")
_OF_SECRETS = _set(
    "access account admin api app auth bot client csrf deploy encryption jwt license master oauth personal "
    "private refresh secret security service session shared signing ssh subscription user webhook write xsrf"
)
_OF_NO_SECRETS = _set(
    "bos cache cls completion continuation dedup eos foreign group idempotency image input mask max min next "
    "output pad page partition primary prompt public reasoning sep sort special start stop total unk"
)
"""What stands before ``key`` and ``token`` where both open nothing: ``idempotency_key``, ``eos_token``."""


def says_secret(name: str) -> int:
    """Whether what is called *name* is a secret: 2 whatever it looks like, 1 if it looks like one, 0 no.

    The last word says what a thing is: ``api_key`` is a key, ``key_id`` an id, ``max_tokens`` a number of tokens.
    """
    return _says(name) if len(name) <= 100 else 0


@lru_cache(maxsize=4096)
def _says(name: str) -> int:
    words = _words(name)
    telling = [word for word in words if word in _TELLING or _LONG.fullmatch(word)]
    if not telling:
        return 0
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in ("key", "token") and before in _OF_NO_SECRETS:
        return 0
    if last in ("id", "count", "type", "limit") and "secret" not in words:
        return 0
    sure = last in _SURE or _LONG.fullmatch(last) or (last in ("key", "token") and before in _OF_SECRETS)
    return 2 if sure else 1


_LONG = re.compile(r"[a-z]*(?:(?:api|access|secret|private|auth)key|password|passwd)|[a-z]+(?:token|secret|cookie)")
"""Words that were written together, ``dbpassword``."""


def _words(name: str) -> list[str]:
    """``X-APIKeys2`` → x, api, key. But ``keys`` alone are those of a mapping, and ``tokens`` parts of a text."""
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    return words if words in (["keys"], ["tokens"]) else [re.sub(_PLURAL, r"\1", word) for word in words]


def is_secret(name: str, value: str) -> bool:
    """Whether *value* is a secret because it is called *name*; made-up ones are."""
    sureness = says_secret(name)
    return bool(value.strip()) and (sureness == 2 or (sureness == 1 and _looks_real(value)))


def may_be_real(value: str) -> bool:
    """Whether what stands in the place of a credential may be one: a long, mixed word, not said to be made up."""
    return any(_is_mixed(word) and not made_up(f"_{word}") for word in re.split("[ ;=]+", value))


def _looks_real(value: str) -> bool:
    return any(map(_is_mixed, re.split("[ ;=,:]+", value)))


def _is_mixed(word: str) -> bool:
    return len(word) >= 16 and len(set(word)) >= 8 and _has_digits(word)


def made_up(secret: str) -> bool:
    """Whether it says so itself: ``gsk_test…``, ``sk-your-key``, ``Bearer REDACTED``."""
    return _MADE_UP.search(secret) is not None


_PLURAL = re.compile(rf"^({'|'.join(_TELLING)})s$")

SCHEMES = _set("basic bearer digest token apikey api-key key negotiate ntlm hawk aws4-hmac-sha256")
"""Of an ``Authorization`` header: what may stand before the credential."""


def masked_value(value: str) -> str:
    """A credential as a header may show it: ``Bearer ***``. A word that is no scheme is a part of the secret."""
    scheme, _, secret = value.strip().partition(" ")
    if scheme.lower() in SCHEMES:
        return f"{scheme} {MASK}" if secret.strip() else scheme
    return MASK if scheme else ""


# Finding


def _replaced(text: str, *kinds: str) -> str:
    if not has_secrets(text):
        return text
    plain = _plainly(text)
    parts, at = [], 0
    for secret in _find(plain):
        if secret.kind in kinds:
            parts += [plain[at : secret.start], _mask(secret, plain)]
            at = secret.end
    return "".join([*parts, plain[at:]]) if parts else text


def _mask(secret: Secret, text: str) -> str:
    kept = re.match(r"[a-z]+[_-]", text[secret.start : secret.end]) if secret.kind == "account" else None
    return f"{kept[0] if kept else ''}{MASK}"


_NEEDLESS = re.compile(r"(?<!\\)((?:\\\\)*)\\u00(2[D-Fd-f]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9Aa])")
_NEEDLESS_PERCENT = re.compile(r"%(2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9Aa])")


def _plainly(text: str) -> str:
    """*text* with the letters, digits and signs of keys as themselves where they are escaped without need."""
    if "\\u00" in text:
        text = _NEEDLESS.sub(lambda found: found[1] + chr(int(found[2], 16)), text)
    return _NEEDLESS_PERCENT.sub(lambda found: chr(int(found[1], 16)), text) if "%" in text else text


def _find(text: str) -> Iterator[Secret]:
    """All of it, in order; what overlaps is one."""
    found = sorted((*_shapes(text), *_places(text)), key=lambda secret: (secret.start, -secret.end))
    open_: Secret | None = None
    for secret in found:
        if open_ is not None and secret.start < open_.end:
            open_ = _joined(open_, secret)
            continue
        if open_ is not None:
            yield open_
        open_ = secret
    if open_ is not None:
        yield open_


def _joined(one: Secret, other: Secret) -> Secret:
    """What overlaps: known by its shape, if either is."""
    known = one if one.what != CREDENTIAL else other
    kind: Literal["key", "account"] = "key" if "key" in (one.kind, other.kind) else "account"
    return replace(known, kind=kind, start=one.start, end=max(one.end, other.end))


CREDENTIAL = "credential"
"""What is known by its name or place only."""


def _shapes(text: str) -> Iterator[Secret]:
    if not _may_have("shapes", text):  # quick to say, and usual where a name was found
        return
    for found in _ANY.finditer(text):
        what = _SHAPES[(found.lastindex or 1) - 1][0]
        if _is_one(what, found, text):
            yield Secret("account" if what.endswith(" id") else "key", what, found.start(), found.end())
    for found in _PRIVATE_KEY.finditer(text):
        yield Secret("key", "private key", *found.span())


def _places(text: str) -> Iterator[Secret]:
    """What is a secret because of its name, or of where it stands: an address, a command line, a connection string."""
    for found in _IN_ADDRESS.finditer(text):
        _, colon, password = found[1].partition(":")
        if (colon and password.strip("*")) or _looks_real(found[1]):
            yield Secret("key", "password in an address", *found.span(1))
    for pattern in (_BEARER, _OPTION, _COOKIES, _LISTED):
        for found in pattern.finditer(text):
            if _looks_real(found[1]) or pattern is _LISTED:
                yield Secret("key", CREDENTIAL, *found.span(1))
    for found in _FIELD.finditer(text):  # of a form
        if is_secret(found[1], found[2]):
            yield Secret("key", CREDENTIAL, *found.span(2))
    for block in _HEADERS.finditer(text):  # of a tool: whatever they are called
        for found in _HEADER.finditer(text, *block.span(1)):
            if found[1].lower() not in PUBLIC_HEADERS and _looks_real(found[2]):
                yield Secret("key", CREDENTIAL, *found.span(2))
    for found in _VALUE.finditer(text):
        yield from _named(text, found)


PUBLIC_HEADERS = _set("accept content-type user-agent host accept-encoding accept-language origin referer")
"""Of a tool: what stands in them may be long and mixed, and is no secret."""


def _named(text: str, found: re.Match[str]) -> Iterator[Secret]:
    """The value of *found*, if what it is called says so. In prose only what looks like a secret is one."""
    group = next(name for name in ("within", "quoted", "bare") if found[name] is not None)
    value, start = found[group], found.start(group)
    named = re.match(r"[\w.-]+", text[found.start() :])
    before = _BEFORE.search(text, max(0, found.start() - 60), found.start())
    name = (before[0] if before else "") + (named[0] if named else "")
    if found["close"] and group == "bare" and found["is"] == ":":
        return  # JSON: a number, or what holds others
    written = found["close"] is not None and group != "bare"
    if not (is_secret(name, value) if written else says_secret(name) and _looks_real(value)):
        return
    scheme = re.match(r"(?i)(?:bearer|basic|token|digest|apikey|key)\s+", value)
    start += scheme.end() if scheme else 0
    if text[start : found.end(group)].strip("*"):
        yield Secret("key", CREDENTIAL, start, found.end(group))


def _is_one(what: str, found: re.Match[str], text: str) -> bool:
    """Some shapes are shared: sk-learn-something is a word, key_performance_indicators a name, and a hash a hash."""
    if _HEX.fullmatch(found[0]):
        return _CALLED_A_KEY.search(text, max(0, found.start() - 30), found.start()) is not None
    if found[0].startswith("key_"):
        return _has_digits(found[0]) and found[0].lower() != found[0]
    shared = what.endswith(" id") or found[0].startswith(("sk-", "csk-", "sk_", "rk_", "secret_"))
    return _has_digits(found[0]) or not shared


def _has_digits(text: str) -> bool:
    return any(map(str.isdigit, text))


def _may_have(what: str, text: str) -> bool:
    try:
        return _compiled(what)(text)
    except ValueError:  # half of a surrogate pair: nothing that Rust can read
        return True


@cache
def _compiled(what: str) -> Callable[[object], bool]:
    import jsonschema_rs

    shapes = (*(pattern for _, pattern in _SHAPES), _PRIVATE)
    places = (_USERINFO, _NAMED, r"(?i:bearer|headers\\*[\"']\s*:|[; ]name=)", r"\\u00[2-7]|%[2-7][0-9A-Fa-f]")
    pattern = "|".join(shapes if what == "shapes" else places)
    return jsonschema_rs.Draft202012Validator({"type": "string", "pattern": pattern}).is_valid
