"""Money: exact decimals, the currency always beside the amount, rounded once and half up."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Self

# Decimal places of one unit of account. Own table: common libraries give BTC two places.
PLACES = {"USD": 2, "EUR": 2, "GBP": 2, "BTC": 8, "USDC": 6, "ETH": 18}


class CurrencyError(ValueError):
    """Two currencies were mixed, or a currency is not known."""


# Decimal's usual context silently rounds to 28 digits, which wei times a price exceeds. In this one a lost
# digit is an error (decimal.Inexact).
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])
_ROUNDING = Context(prec=200, rounding=ROUND_HALF_UP, traps=[InvalidOperation, Overflow])


def _exact(value: Decimal | int | str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise TypeError(f"money is made of Decimal, int or str, not {type(value).__name__}")
    amount = Decimal(value)
    if not amount.is_finite():
        raise ValueError("an amount must be finite")
    return amount


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in a currency of ``PLACES``. Arithmetic keeps every digit; ``rounded`` ends a line."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", _exact(self.amount))
        if self.currency not in PLACES:
            raise CurrencyError(f"unknown currency {self.currency!r}")

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyError(f"{self.currency} and {other.currency} do not add up")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(_EXACT.add(self.amount, other.amount), self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(_EXACT.subtract(self.amount, other.amount), self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        return Money(_EXACT.multiply(self.amount, _exact(factor)), self.currency)

    def __neg__(self) -> Money:
        return Money(self.amount.copy_negate(), self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.amount < other.amount

    def rounded(self) -> Money:
        """Rounded half up to the currency's places: once, at the end of a line."""
        return Money(
            _ROUNDING.quantize(self.amount, Decimal(1).scaleb(-PLACES[self.currency])), self.currency
        )

    def minor(self) -> int:
        """Whole cents, sats, micro-USDC or wei; raises ValueError if the amount is not whole in them."""
        scaled = _EXACT.scaleb(self.amount, PLACES[self.currency])
        if _EXACT.remainder(scaled, Decimal(1)):
            raise ValueError(f"{self} is not a whole number of its smallest unit")
        return int(scaled)

    @classmethod
    def from_minor(cls, units: int, currency: str) -> Self:
        """The inverse of ``minor``."""
        if currency not in PLACES:
            raise CurrencyError(f"unknown currency {currency!r}")
        return cls(_EXACT.scaleb(Decimal(units), -PLACES[currency]), currency)

    def split(self, weights: list[int]) -> list[Money]:
        """Divide a whole amount by weights without losing a unit (largest remainder, first come on ties).

        Raises ValueError for negative weights, or when all are zero.
        """
        total_weight = sum(weights)
        if total_weight <= 0 or min(weights) < 0:
            raise ValueError("weights must be non-negative and not all zero")
        units = self.minor()
        shares = [units * weight // total_weight for weight in weights]
        rest = units - sum(shares)
        order = sorted(range(len(weights)), key=lambda i: (-(units * weights[i] % total_weight), i))
        for index in order[:rest]:
            shares[index] += 1
        return [Money.from_minor(share, self.currency) for share in shares]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
