"""Who may sweep a shard: real rows, real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from django.db import connections

from hashinsight.core import clock
from hosting.fleet.models import Site
from hosting.telemetry.models import Live, Sample, ShardLease, Sweep
from hosting.telemetry.services import leases, sink
from hosting.telemetry.services.attribution import Attribution
from hosting.telemetry.services.leases import Lease, LeaseLostError
from tests.integration.telemetry.rig import BOTH, MINUTE, SLOT, answered
from tests.support.factories import make_miner

pytestmark = pytest.mark.django_db(transaction=True, databases=BOTH)


def _take(site: Site, slot_at: datetime = SLOT, shard: int = 0) -> Lease | None:
    return leases.take(site_id=site.pk, host_id=site.host_id, shard=shard, slot_at=slot_at)


def _got(site: Site, slot_at: datetime = SLOT) -> Lease:
    lease = _take(site, slot_at)
    assert lease is not None
    return lease


def _finish(site: Site, slot_at: datetime, finished: bool = True) -> None:
    Sweep.objects.create(
        site_id=site.pk,
        shard=0,
        slot_at=slot_at,
        host_id=site.host_id,
        epoch=1,
        started_at=slot_at,
        finished_at=clock.now() if finished else None,
        planned=0,
    )


@contextmanager
def _process() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _held_by(site: Site, pid: int, host: str = "") -> None:
    started = leases._start_time(pid)
    name = f"{host or socket.gethostname()}/{pid}/{started}"
    ShardLease.objects.filter(site_id=site.pk).update(holder=name)


def test_of_two_takers_one_wins(polled_site: Site) -> None:
    first = _got(polled_site)
    assert first.epoch == 1
    assert first.holder == leases.holder_name()
    assert _take(polled_site) is None
    assert _take(polled_site, SLOT + MINUTE) is None
    assert _take(polled_site, shard=1) is not None
    leases.release(first)
    assert _got(polled_site).epoch == 2


def test_a_dead_holder_of_this_host_is_replaced_at_once_and_a_living_one_not(polled_site: Site) -> None:
    _got(polled_site)
    with _process() as process:
        _held_by(polled_site, process.pid)
        assert _take(polled_site) is None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert _got(polled_site).epoch == 2


def test_a_later_process_with_the_same_number_is_not_the_holder(polled_site: Site) -> None:
    _got(polled_site)
    ShardLease.objects.update(holder=f"{socket.gethostname()}/{os.getpid()}/1")
    assert _got(polled_site).epoch == 2


def test_a_holder_elsewhere_keeps_it_until_it_expires(polled_site: Site) -> None:
    _got(polled_site)
    ShardLease.objects.update(holder="another-machine/1/1")
    assert _take(polled_site) is None
    ShardLease.objects.update(expires_at=clock.now() - MINUTE)
    assert _got(polled_site).epoch == 2


def test_a_finished_slot_is_not_taken_again_and_an_unfinished_one_is(polled_site: Site) -> None:
    leases.release(_got(polled_site))
    _finish(polled_site, SLOT, finished=False)
    leases.release(_got(polled_site))
    Sweep.objects.update(finished_at=clock.now())
    assert _take(polled_site) is None
    leases.release(_got(polled_site, SLOT + MINUTE))
    assert _take(polled_site, SLOT - MINUTE) is None  # a late task for a slot that has passed


def test_who_lost_the_shard_writes_nothing(polled_site: Site) -> None:
    lost = _got(polled_site)
    miner = make_miner(polled_site)
    batch = Attribution(lost, polled_site.host_id, 60).batch([answered(miner, miner.mac)])
    ShardLease.objects.update(holder="another-machine/1/1", expires_at=clock.now() - MINUTE)
    taken = _got(polled_site)
    with pytest.raises(LeaseLostError, match="epoch 1 is over"):
        sink.write(lost, batch)
    assert not Sample.objects.exists()
    assert not Live.objects.exists()
    assert sink.write(taken, batch) == 1
    leases.release(lost)  # too late: the other keeps it
    assert ShardLease.objects.get().holder == taken.holder


def test_writing_prolongs_the_lease(polled_site: Site) -> None:
    lease = _got(polled_site)
    soon = clock.now() + MINUTE / 60
    ShardLease.objects.update(expires_at=soon)
    sink.write(lease, Attribution(lease, polled_site.host_id, 60).batch([]))
    expires_at = ShardLease.objects.get().expires_at
    assert expires_at is not None
    assert expires_at > soon + MINUTE / 2
    connections["telemetry"].close()
