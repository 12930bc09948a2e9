"""Durations as Go prints them, against texts that were seen in refusals and headers."""

from __future__ import annotations

import pytest

from pytest_llmcontract.providers.groq.durations import go_duration, reset_text, wait_text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (38_880_000, "38.88ms"),
        (720_000_000, "720ms"),
        (2_000_000_000, "2s"),
        (6_780_999_999, "6.780999999s"),
        (86_400_000_000, "1m26.4s"),
        (60_000_000_000, "1m0s"),
        (5_459_616_000_000, "1h30m59.616s"),
        (3_600_000_000_000, "1h0m0s"),
    ],
)
def test_a_duration_reads_as_in_go(nanoseconds, text):
    assert go_duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("used", "requested", "limit", "window", "text"),
    [
        pytest.param(3513, 3166, 6000, 60, "6.79s", id="2024-12"),
        pytest.param(196969, 3464, 200_000, 86400, "3m7.055999999s", id="2026-09"),
        pytest.param(6670, 5883, 8000, 60, "34.1475s", id="2026-10"),
        pytest.param(99809, 6510, 100_000, 86400, "1h30m59.616s", id="hours"),
        pytest.param(485, 800, 1000, 60, "17.099999999s", id="OTPM 2026-09"),
    ],
)
def test_waits_read_to_the_letter(used, requested, limit, window, text):
    assert wait_text((used + requested - limit) / limit * window) == text


def test_resets_are_cut_to_whole_milliseconds_from_december_2025():
    assert reset_text(38.8799, whole_milliseconds=True) == "38.879s"
    assert reset_text(0.1728, whole_milliseconds=True) == "172ms"
    assert reset_text(0.1728, whole_milliseconds=False) == "172.8ms"
