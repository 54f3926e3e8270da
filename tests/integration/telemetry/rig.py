"""What the telemetry tests share: slots, the simulated fleet as inventory, sweeps, hand-made outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hashinsight.core import clock
from hashinsight.integrations.miners.poll import Polled
from hashinsight.integrations.miners.readings import MissCause, Mode, PowerSource, Reading
from hosting.fleet.choices import Dialect
from hosting.fleet.models import Miner, MinerModel, Site
from hosting.simulator.fleet import Fleet, SimMiner
from hosting.telemetry.domain.device import DeviceRow
from hosting.telemetry.models import Live, Sample
from hosting.telemetry.services import sweeps
from hosting.telemetry.services.asking import Memories, Outcome
from hosting.telemetry.services.sweeps import Due
from tests.integration.simulator.running import Running, fleet_of, free_port
from tests.support.factories import make_miner, make_model

MINUTE = timedelta(minutes=1)
SLOT = clock.slot_of(clock.now(), 60) - timedelta(hours=1)
BOTH = ["default", "telemetry"]


def due_of(site: Site, slot_at: datetime, shard: int = 0, shards: int = 1) -> Due:
    """A shard of the site in a slot."""
    return Due(site.pk, site.host_id, shard, shards, slot_at)


def small_fleet(*rows: tuple[str, dict[str, Any]]) -> Fleet:
    """One simulated miner per (model slug, behaviour), on free ports."""
    return fleet_of(list(rows), free_port(), free_port())


def enrol(site: Site, fleet: Fleet) -> list[Miner]:
    """The fleet's miners in the site's inventory, in the fleet's order."""
    return [_enrol_one(site, miner) for miner in fleet.miners]


def _enrol_one(site: Site, miner: SimMiner) -> Miner:
    model = MinerModel.objects.filter(slug=miner.model).first() or make_model(
        miner.model, dialect=Dialect(miner.dialect), nominal_ths=miner.nominal_ths
    )
    return make_miner(
        site,
        model=model,
        mac=miner.mac,
        serial=miner.serial,
        address=miner.address,
        port=miner.port,
        http_port=miner.http_port,
        dialect=miner.dialect,
        worker=miner.worker,
    )


@dataclass
class Rig:
    """A running fleet, its inventory, and a collector that sweeps it slot by slot."""

    site: Site
    simulator: Running
    miners: list[Miner]
    memories: Memories = field(default_factory=Memories)
    slot_at: datetime = SLOT

    def sweep(self) -> sweeps.Report:
        """Sweep the whole site in the next slot; those who wait for their turn are due now."""
        self.slot_at += MINUTE
        Live.objects.update(next_due_at=None)
        report = sweeps.sweep_shard(due_of(self.site, self.slot_at), memories=self.memories)
        assert report is not None
        return report

    def live(self, index: int) -> Live:
        """The live row of a miner by its index in the fleet."""
        return Live.objects.get(pk=self.miners[index].pk)

    def sampled(self) -> set[int]:
        """The fleet's indexes of miners with a sample in the last slot."""
        stored = set(Sample.objects.filter(slot_at=self.slot_at).values_list("miner_id", flat=True))
        return {index for index, miner in enumerate(self.miners) if miner.pk in stored}

    def sample(self, index: int) -> Sample | None:
        """The sample of a miner in the last slot."""
        return Sample.objects.filter(miner_id=self.miners[index].pk, slot_at=self.slot_at).first()


READING = Reading(
    hashrate_short_ths=101.5,
    hashrate_short_window_s=5,
    hashrate_long_ths=100.25,
    hashrate_long_window_s=900,
    hashrate_nominal_ths=104.0,
    power_w=3250.4,
    power_source=PowerSource.MEASURED,
    fans_rpm=(5880, None, 6000),
    temp_inlet_c=25.5,
    temp_board_max_c=61.0,
    temp_chip_max_c=74.5,
    accepted=1_000,
    rejected=3,
    stale=2,
    hw_errors=7,
    mode=Mode.MINING,
    firmware="fw 1",
    uptime_s=5_000,
)


def device_of(miner: Miner, **memory: Any) -> DeviceRow:
    """The miner as the collector loads it, with ``memory`` of its address."""
    values: dict[str, Any] = {
        "miner_id": miner.pk,
        "host_id": miner.host_id,
        "organization_id": miner.organization_id,
        "address": miner.address,
        "port": miner.port,
        "http_port": miner.http_port,
        "dialect": miner.dialect,
        "mac": miner.mac,
        "nominal_ths": 100.0,
    }
    return DeviceRow(**{**values, **memory})


def answered(
    miner: Miner, mac: str | None = None, *, at: datetime = SLOT, reading: Reading = READING, **more: Any
) -> Outcome:
    """An outcome with a reading: at the miner's address ``mac`` answered."""
    row = more.pop("row", None) or device_of(miner)
    polled = Polled(reading, None, "", 1, 12.5, False, reading.repairs)
    return Outcome(row, polled, at, mac, mac is not None, **more)


def missed(
    miner: Miner, cause: MissCause = MissCause.TIMEOUT, *, at: datetime = SLOT, **memory: Any
) -> Outcome:
    """An outcome without one."""
    polled = Polled(None, cause, "", 1, 1000.0, False, 0)
    return Outcome(device_of(miner, **memory), polled, at, None, False)
