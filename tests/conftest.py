"""What every test stands on: services of its own, the database roles, the standing cast.

``.venv/bin/pytest`` works by itself: without ``DATABASE_URL`` a throw-away PostgreSQL and two Valkeys are
started once for the session (by the controller under xdist; its workers inherit the addresses).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import folders, network

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

    from hashinsight.accounts.models import User
    from hosting.fleet.models import Site
    from tests.support.cast import Cast
    from tests.support.roles import RoleClient

_running: dict[str, Any] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the services where none are given, then load the settings (pytest-django needs both)."""
    if not os.environ.get("DATABASE_URL") and not config.getoption("collectonly", False):
        if "hashinsight.settings.test" in sys.modules:
            raise pytest.UsageError(
                "DJANGO_SETTINGS_MODULE is set, but DATABASE_URL is not: unset it, or use ./hi test."
            )
        _start_services()
    os.environ["HI_ENV"] = "test"
    os.environ["HI_DB_ROLE"] = "migrate"
    os.environ["DJANGO_SETTINGS_MODULE"] = "hashinsight.settings.test"
    import django

    django.setup()
    import celery_app  # noqa: F401  (the promised jobs are sent through it)


def _start_services() -> None:
    from hashinsight.core.embedded import Services

    root = Path(tempfile.mkdtemp(prefix="hi-tests-"))
    services = Services(root, durable=False)
    _running.update(services=services, root=root)
    services.start()
    os.environ.update(services.env())


def pytest_unconfigure() -> None:
    """Stop what ``pytest_configure`` started."""
    if services := _running.pop("services", None):
        services.stop()
        shutil.rmtree(_running.pop("root"), ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _only_loopback() -> Iterator[None]:
    with network.only_loopback():
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """After pytest-django made the test database: cleaning between tests that keeps what migrations wrote."""
    from tests.support import database

    with django_db_blocker.unblock():
        database.install_wipe()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach too."""
    with folders.reachable_by_all() as folder:
        yield folder


@pytest.fixture
def as_web() -> Callable[[], AbstractContextManager[None]]:
    """``with as_web():`` run as the role hi_web, so that the policies are real."""
    from tests.support.roles import as_role

    return lambda: as_role("hi_web")


@pytest.fixture
def as_worker() -> Callable[[], AbstractContextManager[None]]:
    """``with as_worker():`` run as the role hi_worker."""
    from tests.support.roles import as_role

    return lambda: as_role("hi_worker")


@pytest.fixture
def as_telemetry() -> Callable[[], AbstractContextManager[None]]:
    """``with as_telemetry():`` run as the role hi_telemetry (no policies, few grants)."""
    from tests.support.roles import as_role

    return lambda: as_role("hi_telemetry")


@pytest.fixture
def cast(db: None) -> Cast:
    """The standing cast: two hosts, their people and customers, three sites. Made by the real services."""
    from tests.support.cast import build

    return build()


@pytest.fixture
def site(cast: Cast) -> Site:
    """The site that the operator is assigned to."""
    return cast.site


@pytest.fixture
def client_for(db: None) -> Callable[..., RoleClient]:
    """``client_for(user)``: a signed-in test client, its requests run as hi_web; ``None`` = not signed in."""
    from tests.support.roles import RoleClient

    def make(user: User | None = None, **options: Any) -> RoleClient:
        client = RoleClient(**options)
        if user is not None:
            client.force_login(user)
        return client

    return make


@pytest.fixture
def live_web(live_server: LiveServer) -> Iterator[LiveServer]:
    """pytest-django's live server with the connections of its threads under hi_web (browser tests)."""
    from tests.support.roles import threads_as_web

    with threads_as_web():
        yield live_server
