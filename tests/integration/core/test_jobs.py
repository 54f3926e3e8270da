"""The outbox: a job is sent exactly when its change is committed, and never forgotten."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from kombu.exceptions import OperationalError

from hashinsight.core import clock, jobs
from hashinsight.core.models import Job
from hashinsight.core.tasks import send_outbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any], str]]:
    """What is sent to the queue, instead of sending it."""
    messages: list[tuple[str, dict[str, Any], str]] = []

    def send(task: str, *, kwargs: dict[str, Any], queue: str, retry: bool) -> None:
        assert retry is False
        messages.append((task, kwargs, queue))

    monkeypatch.setattr(current_app, "send_task", send)
    return messages


def age_all(seconds: int = 60) -> None:
    Job.objects.update(created_at=clock.now() - timedelta(seconds=seconds))


def waiting() -> int:
    return Job.objects.filter(sent_at=None).count()


def test_a_job_is_sent_after_the_commit_not_before(sent: list[Any]) -> None:
    with transaction.atomic():
        jobs.promise("t.one", queue="telemetry", site_id=7)
        assert sent == []
    assert sent == [("t.one", {"site_id": 7}, "telemetry")]
    assert waiting() == 0
    assert Job.objects.get().attempts == 1


def test_a_rolled_back_change_sends_nothing(sent: list[Any]) -> None:
    with transaction.atomic():
        jobs.promise("t.one")
        transaction.set_rollback(True)
    assert (sent, Job.objects.count()) == ([], 0)


def test_outside_a_transaction_a_promise_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        jobs.promise("t.one")


def test_a_crash_between_commit_and_send_loses_nothing(
    sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as crash, transaction.atomic():
        crash.setattr(jobs, "_send_now", lambda job_id: None)  # the process is gone after its COMMIT
        jobs.promise("t.one", n=1)
        crash.setattr(transaction.get_connection(), "run_on_commit", [])
    assert (sent, waiting()) == ([], 1)
    assert jobs.send_pending() == 0  # still within the grace of the process that promised it
    age_all()
    send_outbox()
    assert (sent, waiting()) == ([("t.one", {"n": 1}, "default")], 0)
    send_outbox()
    assert len(sent) == 1


def test_a_queue_that_is_down_keeps_the_job(sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("refused")

    with monkeypatch.context() as away:
        away.setattr(current_app, "send_task", down)
        with transaction.atomic():
            jobs.promise("t.one")
        age_all()
        with pytest.raises(OperationalError):
            jobs.send_pending()
        assert waiting() == 1
    assert jobs.send_pending() == 1
    assert (len(sent), waiting()) == (1, 0)


def test_senders_in_parallel_send_each_job_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction.atomic():
        Job.objects.bulk_create(Job(task="t.many", arguments={"n": n}) for n in range(300))
    age_all()
    numbers: list[int] = []
    both, begun = threading.Barrier(2, timeout=10), threading.local()

    def send(task: str, *, kwargs: dict[str, Any], queue: str, retry: bool) -> None:
        if not hasattr(begun, "here"):
            begun.here = both.wait()  # both senders hold rows at the same time
        numbers.append(kwargs["n"])

    monkeypatch.setattr(current_app, "send_task", send)

    def run() -> None:
        jobs.send_pending()
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(numbers) == list(range(300))
    assert waiting() == 0


def test_sent_jobs_are_forgotten_after_a_day_and_waiting_ones_never(sent: list[Any]) -> None:
    for task in ("t.old", "t.new", "t.waiting"):
        with transaction.atomic():
            jobs.promise(task)
    Job.objects.filter(task="t.old").update(sent_at=clock.now() - timedelta(days=2))
    Job.objects.filter(task="t.waiting").update(sent_at=None, created_at=clock.now() - timedelta(days=9))
    assert jobs.forget_sent() == 1
    assert sorted(Job.objects.values_list("task", flat=True)) == ["t.new", "t.waiting"]


@pytest.fixture
def queue() -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(settings.REDIS_QUEUE_URL)
    client.delete("hi-test-outbox")
    yield client
    client.delete("hi-test-outbox")
    client.close()


def test_the_real_queue_receives_it(queue: redis.Redis) -> None:
    with transaction.atomic():
        jobs.promise("t.real", queue="hi-test-outbox", site_id=1)
    assert queue.llen("hi-test-outbox") == 1
