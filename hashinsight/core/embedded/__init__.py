"""Embedded PostgreSQL and Valkey for the demo and the tests: real servers, started as child processes.

Production uses servers of its own; only where the addresses come from differs.
"""

from hashinsight.core.embedded.binaries import MissingProgram, find_postgres, find_valkey
from hashinsight.core.embedded.places import PlaceError
from hashinsight.core.embedded.ports import free_port, is_taken
from hashinsight.core.embedded.postgres import EmbeddedPostgres, InitError
from hashinsight.core.embedded.roles import ROLES, RoleUrls, bootstrap_roles, roles_script
from hashinsight.core.embedded.services import (
    AlreadyRunning,
    NotRunning,
    Services,
    attach,
    external_env,
)
from hashinsight.core.embedded.valkey import EmbeddedValkey

__all__ = [
    "ROLES",
    "AlreadyRunning",
    "EmbeddedPostgres",
    "EmbeddedValkey",
    "InitError",
    "MissingProgram",
    "NotRunning",
    "PlaceError",
    "RoleUrls",
    "Services",
    "attach",
    "bootstrap_roles",
    "external_env",
    "find_postgres",
    "find_valkey",
    "free_port",
    "is_taken",
    "roles_script",
]
