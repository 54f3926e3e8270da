"""The physics of Bitcoin mining that every app needs, exact.

Hashes per block: a block is found when a 256-bit hash does not exceed the target. The difficulty-1
target is 0xFFFF * 2^208, so the expected number of hashes is 2^256 / (target + 1), which is
difficulty * 2^48 / 65535 to better than one part in 2^200 (Bitcoin Core, ``GetDifficulty`` in
src/rpc/blockchain.cpp). The common shortcut difficulty * 2^32 overstates income by 15.3 ppm.
Subsidy: 50 BTC halved every 210,000 blocks (Bitcoin Core, ``GetBlockSubsidy`` in src/validation.cpp).
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

HALVING_BLOCKS = 210_000
INITIAL_SUBSIDY_SATS = 50 * 100_000_000
SATS_PER_BTC = 100_000_000
TARGET_BLOCK_S = 600
SECONDS_PER_DAY = 86_400
HASHES_PER_THS = 10**12
_PRECISION = 50


def subsidy_sats(height: int) -> int:
    """The block subsidy in satoshis at ``height``; 0 after the 33rd halving. Raises ValueError below 0."""
    if height < 0:
        raise ValueError("a block height is not negative")
    halvings = height // HALVING_BLOCKS
    return 0 if halvings >= 64 else INITIAL_SUBSIDY_SATS >> halvings


def hashes_per_block(difficulty: Decimal) -> Fraction:
    """Expected hashes for one block at ``difficulty``. Raises ValueError when it is not above 0."""
    if not difficulty.is_finite() or difficulty <= 0:
        raise ValueError("difficulty must be above 0")
    return Fraction(difficulty) * 2**48 / 65535


def network_hashrate_ths(difficulty: Decimal) -> Decimal:
    """The hashrate (TH/s) at which ``difficulty`` gives one block every 600 s on average."""
    return _decimal(hashes_per_block(difficulty) / TARGET_BLOCK_S / HASHES_PER_THS)


def sats_per_day(
    hashrate_ths: Decimal, difficulty: Decimal, subsidy: int, fees_sats: Decimal = Decimal(0)
) -> Decimal:
    """Expected satoshis a day of ``hashrate_ths`` before pool fee and downtime.

    ``subsidy`` and ``fees_sats`` are per block, in satoshis. Raises ValueError on negative input.
    """
    if hashrate_ths < 0 or subsidy < 0 or fees_sats < 0:
        raise ValueError("hashrate, subsidy and fees are not negative")
    hashes = Fraction(hashrate_ths) * HASHES_PER_THS * SECONDS_PER_DAY
    blocks = hashes / hashes_per_block(difficulty)
    return _decimal(blocks * (subsidy + Fraction(fees_sats)))


def hashprice_usd_per_phs_day(
    difficulty: Decimal, subsidy: int, price_usd_per_btc: Decimal, fees_sats: Decimal = Decimal(0)
) -> Decimal:
    """Hashprice: expected USD a day of one PH/s."""
    sats = sats_per_day(Decimal(1000), difficulty, subsidy, fees_sats)
    with localcontext() as context:
        context.prec = _PRECISION
        return sats * price_usd_per_btc / SATS_PER_BTC


def efficiency_j_per_th(power_w: float | None, hashrate_ths: float | None) -> float | None:
    """J/TH = W / (TH/s); unknown when either is unknown or nothing is hashed."""
    if power_w is None or hashrate_ths is None or hashrate_ths <= 0:
        return None
    return power_w / hashrate_ths


def _decimal(value: Fraction) -> Decimal:
    with localcontext() as context:
        context.prec = _PRECISION
        return Decimal(value.numerator) / Decimal(value.denominator)
