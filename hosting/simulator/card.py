"""What one simulated machine is, apart from its changing figures."""

from __future__ import annotations

from dataclasses import dataclass

from hosting.simulator.fleet import SimMiner
from hosting.simulator.models import MODELS, ModelSpec
from hosting.simulator.switches import HEALTHY, Switches

POOL_URLS = (
    "stratum+tcp://btc.pool-one.example:3333",
    "stratum+tcp://btc.pool-one.example:443",
    "stratum+tcp://btc.pool-two.example:3333",
)


@dataclass(slots=True)
class Card:
    """Identity and switches of one machine. `address` is where it answers now (it can be traded)."""

    index: int
    model: ModelSpec
    dialect: str
    address: str
    port: int
    http_port: int
    mac: str
    serial: str
    firmware: str
    worker: str
    switches: Switches
    dna: str = ""


def make_card(miner: SimMiner) -> Card:
    """The card of one fleet row; KeyError for an unknown model, SwitchError for an unknown switch."""
    return Card(
        index=miner.index,
        model=MODELS[miner.model],
        dialect=miner.dialect,
        address=miner.address,
        port=miner.port,
        http_port=miner.http_port,
        mac=miner.mac,
        serial=miner.serial,
        firmware=miner.firmware,
        worker=miner.worker,
        switches=HEALTHY.with_changes(miner.behaviour) if miner.behaviour else HEALTHY,
        dna=miner.serial,
    )
