"""Database routing: ``telemetry`` is another role on the same database, never another schema."""

from __future__ import annotations

from typing import Any


class OneSchemaRouter:
    """Migrate through ``default`` only; both aliases show the same tables."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        """Only the owner's alias creates tables."""
        return db == "default"

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool | None:
        """Rows read through either alias belong together."""
        return True
