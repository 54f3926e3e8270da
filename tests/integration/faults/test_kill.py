"""kill -9 of each part in a sweep: back in 5 s, the next sweep whole, nothing twice, nobody signed out."""

from __future__ import annotations

import contextlib
import http.cookiejar
import os
import re
import signal
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest

from hashinsight.overview.demo.seed import DOMAIN
from tests.integration.faults.conftest import INTERVAL_S, Installation

pytestmark = [pytest.mark.fault, pytest.mark.slow]

BACK_WITHIN_S = 5.0
AWAY_S = 8.0


class Browser:
    """Just enough of one to sign in and look at pages."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        )

    def get(self, path: str) -> tuple[int, str, str]:
        """Status, final address and text of a page."""
        try:
            with self._opener.open(self.url + path, timeout=10) as answer:
                return answer.status, answer.url, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.url or "", error.read().decode()

    def sign_in(self, email: str, password: str) -> None:
        """Through the sign-in page, as a person does."""
        _, _, page = self.get("/accounts/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None
        form = {"csrfmiddlewaretoken": token.group(1), "login": email, "password": password}
        request = urllib.request.Request(
            self.url + "/accounts/login/",
            urllib.parse.urlencode(form).encode(),
            headers={"Referer": self.url + "/accounts/login/"},
        )
        with self._opener.open(request, timeout=10) as answer:
            assert "/accounts/login" not in answer.url


@pytest.fixture(scope="module")
def signed_in(installation: Installation) -> Browser:
    browser = Browser(installation.url)
    browser.sign_in(f"owner@{DOMAIN}", installation.plan.kept.password)
    return browser


def wait_for(condition: Any, seconds: float, what: str) -> float:
    """Seconds until ``condition()`` is true; fails after ``seconds``."""
    began = time.monotonic()
    last: Exception | None = None
    while time.monotonic() - began < seconds:
        try:
            if condition():
                return time.monotonic() - began
        except Exception as error:  # noqa: BLE001 - the part may be away: that is what is waited for
            last = error
        else:
            last = None
        time.sleep(0.05)
    pytest.fail(f"{what} did not happen in {seconds} s ({last})")


def wait_for_running_sweep(installation: Installation) -> None:
    """Return while a sweep is under way (begun, not finished)."""
    wait_for(
        lambda: installation.query(
            "SELECT 1 FROM telemetry_sweep WHERE finished_at IS NULL AND started_at > now() - interval '3 s'"
        ),
        3 * INTERVAL_S,
        "a running sweep",
    )


def assert_next_sweeps_are_whole(installation: Installation, killed_at: datetime) -> None:
    """Soon each site has a finished sweep of a slot after the kill that accounts for every planned miner."""
    sites = len(installation.query("SELECT id FROM fleet_site"))

    def whole() -> bool:
        rows = installation.query(
            "SELECT DISTINCT site_id FROM telemetry_sweep WHERE slot_at > %s AND finished_at IS NOT NULL"
            " AND good + missed = planned AND planned > 0",
            killed_at,
        )
        return len(rows) == sites

    wait_for(whole, 3 * INTERVAL_S + BACK_WITHIN_S, "a whole sweep of each site")


def assert_nothing_is_double(installation: Installation) -> None:
    ((rows, distinct),) = installation.query(
        "SELECT count(*), count(DISTINCT (site_id, miner_id, slot_at)) FROM telemetry_sample"
    )
    assert rows == distinct
    assert rows > 0
    # Every finished sweep stored just the samples that are there for its slot.
    assert (
        installation.query(
            "SELECT s.site_id, s.slot_at, s.good, count(x.miner_id) FROM telemetry_sweep s"
            " LEFT JOIN telemetry_sample x ON x.site_id = s.site_id AND x.slot_at = s.slot_at"
            " WHERE s.finished_at IS NOT NULL GROUP BY 1, 2, 3 HAVING s.good > count(x.miner_id)"
        )
        == []
    )


def kill(installation: Installation, name: str) -> tuple[int, datetime]:
    pid = installation.supervisor.pid(name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid, datetime.now(UTC)


def test_the_fleet_is_read_before_anything_is_killed(installation: Installation, signed_in: Browser) -> None:
    wait_for(
        lambda: (
            installation.query("SELECT count(*) FROM telemetry_live WHERE sampled_at IS NOT NULL")[0][0] > 200
        ),
        30,
        "the first sweep",
    )
    assert signed_in.get("/")[0] == 200


@pytest.mark.parametrize("name", ["collector", "worker", "queue", "cache", "postgres"])
def test_a_killed_part_comes_back_and_loses_nothing(
    installation: Installation, signed_in: Browser, name: str
) -> None:
    wait_for_running_sweep(installation)
    pid, killed_at = kill(installation, name)
    took = wait_for(
        lambda: (
            installation.supervisor.pid(name) not in {None, pid}
            and next(s for s in installation.supervisor.status() if s.name == name).phase == "ready"
        ),
        BACK_WITHIN_S,
        f"{name} back",
    )
    assert took <= BACK_WITHIN_S
    assert_next_sweeps_are_whole(installation, killed_at)
    assert_nothing_is_double(installation)
    status, url, _ = signed_in.get("/")
    assert (status, "/accounts/login" in url) == (200, False)


def test_while_the_database_is_away_pages_are_a_plain_503_and_nobody_is_signed_out(
    installation: Installation, signed_in: Browser
) -> None:
    answers: list[tuple[int, str]] = []
    ends_at = time.monotonic() + AWAY_S
    killer = threading.Thread(target=_keep_killing, args=(installation, "postgres", ends_at))
    killer.start()
    while time.monotonic() < ends_at:
        status, _, page = signed_in.get("/")
        answers.append((status, page))
    killer.join()
    assert {status for status, _ in answers} <= {200, 503}
    refusals = [page for status, page in answers if status == 503]
    assert refusals
    assert all("Traceback" not in page and "psycopg" not in page for page in refusals)
    wait_for(lambda: signed_in.get("/")[0] == 200, 15, "the page")
    status, url, _ = signed_in.get("/")
    assert (status, "/accounts/login" in url) == (200, False)


def _keep_killing(installation: Installation, name: str, ends_at: float) -> None:
    """Kill the part whenever it is there, so that it stays away."""
    while time.monotonic() < ends_at:
        if pid := installation.supervisor.pid(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
