"""Money: exact, one currency, rounded once and half up, split without losing a unit."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashinsight.core.money import PLACES, CurrencyError, Money

currencies = st.sampled_from(sorted(PLACES))
units = st.integers(-(10**24), 10**24)


@given(units, currencies)
def test_minor_units_go_there_and_back(number: int, currency: str) -> None:
    assert Money.from_minor(number, currency).minor() == number


@given(units, currencies, st.lists(st.integers(0, 10**9), min_size=1, max_size=30).filter(any))
def test_a_split_keeps_the_sum_and_is_fair_to_a_unit(number: int, currency: str, weights: list[int]) -> None:
    parts = [part.minor() for part in Money.from_minor(number, currency).split(weights)]
    assert sum(parts) == number
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - number * weight) < sum(weights)


def test_a_split_gives_the_rest_to_the_largest_remainder_then_to_the_first() -> None:
    assert [str(part) for part in Money(Decimal("1.00"), "USD").split([1, 1, 1])] == [
        "0.34 USD",
        "0.33 USD",
        "0.33 USD",
    ]
    assert [part.minor() for part in Money(Decimal("0.05"), "USD").split([1, 0, 2])] == [2, 0, 3]


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [-1, 3]])
def test_a_split_by_nothing_is_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Money(1, "USD").split(weights)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("0.005", "USD", "0.01"),
        ("-0.005", "USD", "-0.01"),
        ("2.675", "USD", "2.68"),
        ("0.0049", "USD", "0.00"),
        ("0.000000005", "BTC", "1E-8"),
        ("1.0000005", "USDC", "1.000001"),
    ],
)
def test_rounding_is_half_up(amount: str, currency: str, rounded: str) -> None:
    assert Money(Decimal(amount), currency).rounded().amount == Decimal(rounded)


@given(units, units, currencies, currencies)
def test_currencies_never_mix(one: int, other: int, left: str, right: str) -> None:
    a, b = Money.from_minor(one, left), Money.from_minor(other, right)
    if left == right:
        assert (a + b).minor() == one + other
        assert (a - b).minor() == one - other
        assert (a < b) == (one < other)
        return
    for operation in (lambda: a + b, lambda: a - b, lambda: a < b):
        with pytest.raises(CurrencyError):
            operation()


@pytest.mark.parametrize("amount", [0.1, True, None, Decimal("NaN"), Decimal("Infinity")])
def test_floats_and_what_is_not_finite_are_refused(amount: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        Money(amount, "USD")  # type: ignore[arg-type]


def test_a_factor_is_exact_and_a_float_is_none() -> None:
    assert (Money(Decimal("0.10"), "USD") * 3).amount == Decimal("0.30")
    assert (-Money(Decimal(1), "USD")).amount == -1
    with pytest.raises(TypeError):
        Money(Decimal(1), "USD") * 0.5  # type: ignore[operator]


def test_what_is_not_whole_has_no_minor_units_and_unknown_currencies_are_refused() -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        Money(Decimal("0.001"), "USD").minor()
    with pytest.raises(CurrencyError):
        Money(Decimal(1), "DOGE")
    with pytest.raises(CurrencyError):
        Money.from_minor(1, "DOGE")


@given(st.integers(-(10**40), 10**40), st.integers(-(10**40), 10**40))
def test_large_amounts_keep_every_digit(one: int, other: int) -> None:
    assert (Money.from_minor(one, "ETH") + Money.from_minor(other, "ETH")).minor() == one + other
