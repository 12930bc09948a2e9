"""Credentials by their shape, so that none gets into a text of ours."""

from __future__ import annotations

import re

# Prefixes of Groq, OpenAI and its kin, Together, Hugging Face, GitHub, AWS, Google, Slack; and JSON Web Tokens.
_SHAPES = re.compile(
    r"""
    \b(?:
        gsk_[A-Za-z0-9]{16,}
      | sk-[A-Za-z0-9_-]{16,}
      | (?:tgp_v1_|tgp_|key_)[A-Za-z0-9_-]{16,}
      | hf_[A-Za-z0-9]{16,}
      | gh[pousr]_[A-Za-z0-9]{20,}
      | (?:AKIA|ASIA)[A-Z0-9]{16}
      | AIza[A-Za-z0-9_-]{30,}
      | xox[abprs]-[A-Za-z0-9-]{10,}
      | eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}
      | [0-9a-f]{64}
    )""",
    re.VERBOSE,
)
_IN_QUERY = re.compile(r"(?i)([?&](?:api[_-]?key|key|token|access_token)=)[^&\s]+")


def scrubbed(text: str) -> str:
    """*text* with everything that looks like a credential replaced by ``***``."""
    return _IN_QUERY.sub(r"\1***", _SHAPES.sub("***", text))
