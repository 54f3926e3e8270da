"""Addresses for commands that need settings but no services: the launcher's own, type checks, make-messages.

Imported before ``base`` by the demo and test settings; production never is.
"""

import os

ADDRESSES = {
    "DATABASE_URL": "postgresql://hi_migrate@127.0.0.1:1/none",
    "DATABASE_WEB_URL": "postgresql://hi_web@127.0.0.1:1/none",
    "DATABASE_WORKER_URL": "postgresql://hi_worker@127.0.0.1:1/none",
    "DATABASE_TELEMETRY_URL": "postgresql://hi_telemetry@127.0.0.1:1/none",
    "REDIS_QUEUE_URL": "redis://127.0.0.1:1/0",
    "REDIS_CACHE_URL": "redis://127.0.0.1:1/0",
    "HI_SECRET_KEY": "only-for-commands-that-serve-nobody",
}

for _name, _value in ADDRESSES.items():
    os.environ.setdefault(_name, _value)
