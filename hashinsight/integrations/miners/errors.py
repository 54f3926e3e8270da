"""The two ways in which talking to a miner fails."""

from __future__ import annotations

from hashinsight.integrations.miners.readings import MissCause


class MinerError(Exception):
    """The miner gave no usable answer.  ``cause`` is counted, ``detail`` is for people."""

    def __init__(self, cause: MissCause, detail: str = "") -> None:
        super().__init__(f"{cause.value}: {detail}" if detail else cause.value)
        self.cause = cause
        self.detail = detail


class LocalFaultError(OSError):
    """Our own machine could not open a connection (no file or port left, no permission).

    This says nothing about the miner, so it is no ``MinerError`` and must not be counted as a miss.
    """
