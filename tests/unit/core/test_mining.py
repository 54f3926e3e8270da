"""The physics of mining against known answers."""

from __future__ import annotations

import json
import os
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashinsight.core import mining


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    folder = Path(os.environ.get("HI_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data")
    path = folder / "calc_known_answers.json"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return dict(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("height", "sats"),
    [
        (0, 5_000_000_000),
        (209_999, 5_000_000_000),
        (210_000, 2_500_000_000),
        (840_000, 312_500_000),
        (6_929_999, 1),
        (6_930_000, 0),
        (13_440_000, 0),
        (10**12, 0),
    ],
)
def test_the_subsidy_halves(height: int, sats: int) -> None:
    assert mining.subsidy_sats(height) == sats


def test_the_subsidy_adds_up_to_the_known_supply() -> None:
    total = sum(mining.subsidy_sats(era * 210_000) * 210_000 for era in range(64))
    assert total == 2_099_999_997_690_000


def test_the_known_subsidies(answers: dict[str, Any]) -> None:
    for height, sats in answers["subsidy"].items():
        assert mining.subsidy_sats(int(height)) == sats
    total = sum(mining.subsidy_sats(era * 210_000) * 210_000 for era in range(64))
    assert total == answers["max_supply_sat"]


def difficulty_of(answers: dict[str, Any]) -> Decimal:
    """The difficulty that the answers were computed with: a whole number, from the network's EH/s."""
    hashes = Fraction(answers["network_EH_from_D"]) * 10**18 * 600
    return Decimal(round(hashes * 65535 / 2**48))


def test_btc_a_day_of_one_petahash(answers: dict[str, Any]) -> None:
    difficulty = difficulty_of(answers)
    sats = mining.sats_per_day(Decimal(1000), difficulty, 312_500_000)
    exact = Decimal(answers["btc_day"]["1 PH/s, exact, no fees"])
    assert (sats / mining.SATS_PER_BTC).quantize(exact, ROUND_HALF_UP) == exact
    # The shortcut 2^32 overstates by 15.3 ppm, which is what tells the two apart at this precision.
    shortcut = Decimal(answers["btc_day"]["1 PH/s, 2^32 approx"])
    assert (shortcut / exact - 1) * 1_000_000 == pytest.approx(Decimal("15.26"), abs=Decimal("0.01"))
    network = mining.network_hashrate_ths(difficulty) / 1_000_000
    assert network.quantize(Decimal("0.000001"), ROUND_HALF_UP) == Decimal(answers["network_EH_from_D"])


@pytest.mark.parametrize(
    "model", ["S21 XP 270/3645", "S19j Pro 104/3068", "M60S 186/3441", "S23 Hyd 580/5510"]
)
def test_btc_a_day_of_models_is_in_proportion(answers: dict[str, Any], model: str) -> None:
    """The models' figures include fees and a pool's share, the same for all: ratios are exact."""
    ths = Decimal(model.rsplit(" ", 1)[1].split("/", maxsplit=1)[0])
    per_ths = Decimal(answers["btc_day"][model]["btc"]) / ths
    known = Decimal(answers["btc_day"]["S21 XP 270/3645"]["btc"]) / 270
    assert per_ths == pytest.approx(known, rel=Decimal("1e-7"))


def test_hashes_per_block_are_exact() -> None:
    assert mining.hashes_per_block(Decimal(1)) == Fraction(2**48, 65535)
    exact = Fraction(2**256, 0xFFFF * 2**208 + 1)
    assert abs(mining.hashes_per_block(Decimal(1)) / exact - 1) < Fraction(1, 2**200)


@given(
    st.decimals(min_value=1, max_value=10**9, places=3),
    st.decimals(min_value=1, max_value=10**15, places=2),
    st.integers(0, 5 * 10**9),
)
def test_income_is_linear_in_hashrate_and_inverse_in_difficulty(
    ths: Decimal, difficulty: Decimal, subsidy: int
) -> None:
    once = mining.sats_per_day(ths, difficulty, subsidy)
    assert mining.sats_per_day(ths * 2, difficulty, subsidy) == pytest.approx(once * 2, rel=Decimal("1e-25"))
    assert mining.sats_per_day(ths, difficulty * 2, subsidy) == pytest.approx(once / 2, rel=Decimal("1e-25"))


def test_hashprice_is_the_income_of_a_petahash_in_dollars() -> None:
    difficulty = Decimal(126_000_000_000_000)
    sats = mining.sats_per_day(Decimal(1000), difficulty, 312_500_000, Decimal(2_000_000))
    price = mining.hashprice_usd_per_phs_day(difficulty, 312_500_000, Decimal(65_000), Decimal(2_000_000))
    assert price == pytest.approx(sats * 65_000 / 100_000_000, rel=Decimal("1e-25"))


@pytest.mark.parametrize("difficulty", [Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("Infinity")])
def test_an_impossible_difficulty_is_refused(difficulty: Decimal) -> None:
    with pytest.raises(ValueError, match="difficulty"):
        mining.hashes_per_block(difficulty)


def test_negative_input_is_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        mining.subsidy_sats(-1)
    for bad in ((Decimal(-1), 1, Decimal(0)), (Decimal(1), -1, Decimal(0)), (Decimal(1), 1, Decimal(-1))):
        with pytest.raises(ValueError, match="not negative"):
            mining.sats_per_day(bad[0], Decimal(1), bad[1], bad[2])


@pytest.mark.parametrize(
    ("power_w", "ths", "expected"),
    [(3500.0, 200.0, 17.5), (None, 200.0, None), (3500.0, None, None), (3500.0, 0.0, None), (0.0, 1.0, 0.0)],
)
def test_efficiency_is_unknown_when_a_part_is(
    power_w: float | None, ths: float | None, expected: float | None
) -> None:
    assert mining.efficiency_j_per_th(power_w, ths) == expected
