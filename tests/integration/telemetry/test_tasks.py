"""What is started when, what is refused, and what happens when the ground gives way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection, connections

from celery_app import app
from hashinsight.core import clock
from hosting.fleet.choices import DesiredState
from hosting.fleet.models import Miner, Site
from hosting.simulator.fleet import Fleet
from hosting.telemetry import tasks
from hosting.telemetry.models import Live, Sample, ShardLease, Sweep
from hosting.telemetry.services import leases, partitions, sweeps
from tests.integration.telemetry.rig import BOTH, MINUTE, SLOT, Rig, due_of, small_fleet
from tests.support.cast import Cast
from tests.support.database import connect_as
from tests.support.factories import make_miner

pytestmark = pytest.mark.django_db(transaction=True, databases=BOTH)
Start = Callable[[Fleet], Rig]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was put on the queue."""
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(app, "send_task", lambda name, **how: messages.append({"name": name, **how}))
    return messages


def _shards(sent: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(message["kwargs"]["site_id"], message["kwargs"]["shard"]) for message in sent]


def _run(rig: Rig, slot_at: Any) -> None:
    due = due_of(rig.site, slot_at)
    tasks.sweep_shard(due.site_id, due.host_id, due.shard, due.shards, slot_at.isoformat())


def test_only_due_shards_are_started(
    polled_site: Site, cast: Cast, sent: list[dict[str, Any]], settings: Any
) -> None:
    settings.SWEEP_SHARD_SIZE = 2
    for _ in range(3):
        make_miner(polled_site)
    make_miner(cast.other_site)
    Site.objects.filter(pk=cast.other_site.pk).update(is_polled=False)
    make_miner(cast.stranger_site, desired_state=DesiredState.RETIRED)
    tasks.start_sweeps()
    assert _shards(sent) == [(polled_site.pk, 0), (polled_site.pk, 1)]
    message = sent[0]
    assert message["name"] == "hosting.telemetry.tasks.sweep_shard"
    assert (message["queue"], message["expires"]) == ("telemetry", settings.SWEEP_INTERVAL_S)
    assert message["kwargs"]["shards"] == 2
    slot_at = clock.slot_of(clock.now(), settings.SWEEP_INTERVAL_S).isoformat()
    assert message["kwargs"]["slot_at"] == slot_at

    Site.objects.filter(pk=cast.other_site.pk).update(is_polled=True)
    sent.clear()
    tasks.sweep_site(cast.other_site.pk)
    assert _shards(sent) == [(cast.other_site.pk, 0)]


def test_what_runs_or_is_done_is_not_due(polled_site: Site) -> None:
    make_miner(polled_site)

    def due() -> bool:
        return bool(sweeps.due_shards(SLOT + timedelta(seconds=30), 60))

    assert due()
    lease = leases.take(site_id=polled_site.pk, host_id=polled_site.host_id, shard=0, slot_at=SLOT)
    assert lease is not None
    assert not due()
    ShardLease.objects.update(holder=lease.holder.rpartition("/")[0] + "/1")  # that process is dead
    assert due()
    ShardLease.objects.update(holder=lease.holder, slot_at=SLOT - MINUTE)  # still busy with the last slot
    assert due()
    leases.release(lease)
    row = Sweep.objects.create(
        site_id=polled_site.pk,
        shard=0,
        slot_at=SLOT,
        host_id=polled_site.host_id,
        epoch=1,
        started_at=SLOT,
        planned=1,
    )
    assert due()
    row.finished_at = clock.now()
    row.save()
    assert not due()


def test_late_and_double_tasks_ask_nobody(start: Start) -> None:
    rig = start(small_fleet(("whatsminer-m60", {}), ("avalon-a1246", {})))
    _run(rig, SLOT)
    asked = rig.simulator.get("/counters")["connections"]
    _run(rig, SLOT)
    _run(rig, SLOT - MINUTE)
    assert rig.simulator.get("/counters")["connections"] == asked
    assert Sample.objects.count() == 2
    assert Sweep.objects.count() == 1


def test_a_sweep_that_lost_its_shard_ends_quietly(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rig = start(small_fleet(("whatsminer-m60", {})))
    store = sweeps._store

    def lose(*arguments: Any) -> int:
        with connections["telemetry"].cursor() as cursor:
            cursor.execute("UPDATE telemetry_lease SET epoch = epoch + 1, holder = 'another/1/1'")
        return store(*arguments)

    monkeypatch.setattr(sweeps, "_store", lose)
    _run(rig, SLOT)
    assert "sweep given up" in caplog.text
    assert not Sample.objects.exists()
    assert Sweep.objects.get().finished_at is None
    assert ShardLease.objects.get().holder == "another/1/1"


def _kill_telemetry() -> None:
    with connect_as("telemetry") as own:
        own.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user"
            " AND datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.fault
def test_connections_lost_between_two_batches(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep fails; the slot is swept again, whole and without duplicates, and so is the next."""
    slow = {"latency_ms": 1_600, "latency_sigma": 0.0}
    rig = start(small_fleet(("whatsminer-m60", {}), ("antminer-s21", slow), ("avalon-a1246", slow)))
    store = sweeps._store
    batches: list[int] = []

    def kill_after_the_first(*arguments: Any) -> int:
        stored = store(*arguments)
        batches.append(stored)
        if len(batches) == 1:
            _kill_telemetry()
        return stored

    monkeypatch.setattr(sweeps, "_store", kill_after_the_first)
    with pytest.raises(BaseExceptionGroup) as error:
        _run(rig, SLOT)
    assert "terminat" in repr(error.value.exceptions) or "closed" in repr(error.value.exceptions)
    assert Sample.objects.count() == 1
    assert Sweep.objects.get().finished_at is None

    _run(rig, SLOT)
    sweep = Sweep.objects.get()
    assert (sweep.good, sweep.stored, sweep.missed) == (3, 2, 0)
    assert sweep.finished_at is not None
    assert Sample.objects.filter(slot_at=SLOT).count() == 3
    _run(rig, SLOT + MINUTE)
    assert Sample.objects.filter(slot_at=SLOT + MINUTE).count() == 3
    assert Live.objects.filter(misses=0).count() == 3


_SWEEP = """
import sys, django
django.setup()
from datetime import datetime
from hosting.telemetry.services import sweeps
site, host, slot = int(sys.argv[1]), int(sys.argv[2]), datetime.fromisoformat(sys.argv[3])
print(sweeps.sweep_shard(sweeps.Due(site, host, 0, 1, slot)) is not None)
"""


@pytest.mark.fault
def test_of_two_processes_one_sweeps(start: Start) -> None:
    rig = start(small_fleet(("whatsminer-m60", {}), ("antminer-s21", {"transport": "hang"})))
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name in ("DATABASE_URL", "DATABASE_WEB_URL", "DATABASE_WORKER_URL", "DATABASE_TELEMETRY_URL"):
        path = "/" + connection.settings_dict["NAME"]
        env[name] = urlunsplit(urlsplit(os.environ[name])._replace(path=path))
    words = [str(rig.site.pk), str(rig.site.host_id), SLOT.isoformat()]
    both = [
        subprocess.Popen(
            [sys.executable, "-c", _SWEEP, *words], env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=60)[0].strip() for process in both]
    assert sorted(answers) == ["False", "True"]
    assert Sample.objects.count() == 1
    assert Sweep.objects.get().finished_at is not None


@pytest.fixture
def extra_days() -> Any:
    """Takes out the partitions that a test made."""
    before = _partitions()
    yield before
    with connection.cursor() as cursor:
        for name in _partitions() - before:
            cursor.execute(f"DROP TABLE {name}")


def _partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'telemetry_sample'::regclass"
        )
        return {row[0] for row in cursor.fetchall()}


def test_partitions_are_made_ahead_and_granted_to_nobody(polled_site: Site, extra_days: set[str]) -> None:
    tasks.keep_partitions()
    assert partitions.keep() == 0
    assert partitions.keep(days_ahead=5) == 3
    new = sorted(_partitions() - extra_days)
    day = clock.now() + timedelta(days=5)
    assert new[-1] == f"telemetry_sample_{day:%Y%m%d}"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bool_or(has_table_privilege(role, part, what)) FROM unnest(%s::text[]) part,"
            " unnest(ARRAY['hi_web', 'hi_worker', 'hi_telemetry']) role,"
            " unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) what",
            [sorted(_partitions())],
        )
        assert cursor.fetchone() == (False,)
        with pytest.raises(Exception, match=r"within 0\.\.400"):
            partitions.keep(days_back=401)


def test_the_inventory_decides_what_is_swept(polled_site: Site) -> None:
    miners = [make_miner(polled_site) for _ in range(3)]
    Miner.objects.filter(pk=miners[0].pk).update(desired_state=DesiredState.RETIRED)
    loaded = [row.miner_id for shard in (0, 1) for row in sweeps.load_devices(polled_site.pk, shard, 2)]
    assert sorted(loaded) == [miners[1].pk, miners[2].pk]
