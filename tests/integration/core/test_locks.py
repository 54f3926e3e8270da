"""Locks by name, against a second connection."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from hashinsight.core import locks
from tests.support.database import connect_as

pytestmark = pytest.mark.django_db(transaction=True)


def taken_elsewhere(name: str) -> bool:
    with connect_as("worker") as other:
        row = other.execute("SELECT pg_try_advisory_xact_lock(%s)", [locks.lock_key(name)]).fetchone()
    assert row is not None
    return not row[0]


def test_a_lock_is_held_to_the_end_of_the_transaction_and_by_one_only() -> None:
    with transaction.atomic():
        locks.hold("site:1")
        assert taken_elsewhere("site:1")
        assert not taken_elsewhere("site:2")
    assert not taken_elsewhere("site:1")


def test_a_lock_is_released_by_a_rollback() -> None:
    with transaction.atomic():
        assert locks.try_hold("site:1")
        transaction.set_rollback(True)
    assert not taken_elsewhere("site:1")


def test_try_hold_answers_at_once_and_hold_waits() -> None:
    order: list[str] = []
    with connect_as("worker") as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [locks.lock_key("site:1")])
        with transaction.atomic():
            assert not locks.try_hold("site:1")

        def wait() -> None:
            with transaction.atomic():
                locks.hold("site:1")
                order.append("waited")
            connection.close()

        waiting = threading.Thread(target=wait)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        order.append("released")
        other.rollback()
    waiting.join(10)
    assert order == ["released", "waited"]


def test_the_key_is_the_same_in_every_process() -> None:
    assert locks.lock_key("fleet.import:1") == locks.lock_key("fleet.import:1")
    assert -(2**63) <= locks.lock_key("fleet.import:1") < 2**63
    assert len({locks.lock_key(f"fleet.import:{n}") for n in range(1000)}) == 1000
