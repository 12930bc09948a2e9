"""The two ways of telephony (ITU-T G.711) to put a sample of 16 bits into eight."""

from __future__ import annotations

_BIAS, _HIGHEST = 132, 32635


def mu_law(sample: int) -> int:
    """A sample as North America has it."""
    sign = 0x80 if sample < 0 else 0
    height = min(abs(sample), _HIGHEST) + _BIAS
    step = height.bit_length() - 8
    return ~(sign | step << 4 | height >> step + 3 & 15) & 0xFF


def a_law(sample: int) -> int:
    """A sample as Europe has it."""
    sign = 0x80 if sample >= 0 else 0
    height = (sample if sample >= 0 else ~sample) >> 3
    step = max(0, height.bit_length() - 5)
    low = height >> max(1, step) & 15
    return (sign | step << 4 | low) ^ 0x55
