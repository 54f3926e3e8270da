"""The numbers under which states are stored. Never re-used for another meaning; words are in ``choices``."""

from enum import IntEnum


class Mode(IntEnum):
    """What a miner was seen doing."""

    UNKNOWN = 0
    MINING = 1
    SLEEPING = 2
    STARTING = 3
    ERROR = 4


class PowerSource(IntEnum):
    """Where a power figure comes from."""

    NONE = 0
    MEASURED = 1
    PSU = 2
    FIRMWARE = 3
    MODEL = 4


class MissCause(IntEnum):
    """Why a miner gave no sample."""

    REFUSED = 1
    TIMEOUT = 2
    RESET = 3
    EMPTY = 4
    TRUNCATED = 5
    UNDECODABLE = 6
    DENIED = 7
    BACKEND_DOWN = 8
    WRONG_PROTOCOL = 9
    FOREIGN = 10


class Identity(IntEnum):
    """Whether the machine that answers is the one in the inventory."""

    UNVERIFIED = 0
    CONFIRMED = 1
    MOVED = 2
    CONFLICT = 3
