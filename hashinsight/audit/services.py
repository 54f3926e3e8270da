"""Writing the audit trail."""

from __future__ import annotations

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from psycopg.types.json import Jsonb

from hashinsight.core import clock
from hashinsight.core.requestinfo import current_request

_ENCODER = DjangoJSONEncoder()
SYSTEM = "system"


def record(
    *,
    actor: Any,
    action: str,
    target: models.Model,
    host_id: int | None,
    organization_id: int | None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write one entry in the caller's transaction (RuntimeError outside of one).

    ``actor`` is a user, or None for the system itself. ``before`` and ``after`` hold the fields that
    changed; never secrets. Plain SQL without RETURNING, so that it can be written where the trail
    cannot be read.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("an audit entry belongs into the transaction of what it records")
    request = current_request()
    details: list[Any] = [_json(before), _json(after)]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_entry (at, host_id, organization_id, actor_id, actor_name, action,"
            " target_type, target_id, before, after, request_id, address)"
            " VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s)",
            [
                clock.now(),
                host_id,
                organization_id,
                getattr(actor, "pk", None),
                str(actor or SYSTEM)[:150],
                action,
                target._meta.label_lower,
                str(getattr(target, "public_id", target.pk)),
                *details,
                request.request_id,
                request.address,
            ],
        )


def _json(value: dict[str, Any] | None) -> Jsonb | None:
    return None if value is None else Jsonb(value, dumps=_ENCODER.encode)
