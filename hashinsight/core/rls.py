"""SQL for row-level security, used by migrations. One policy a table, the same words everywhere."""

from __future__ import annotations

from django.db.migrations.operations.special import RunSQL

# Wrapped in a sub-select so that PostgreSQL evaluates each setting once a query, not once a row.
HOST = "(SELECT NULLIF(current_setting('hi.host_id', true), '')::bigint)"
ORGANIZATION = "(SELECT NULLIF(current_setting('hi.organization_id', true), '')::bigint)"
SITES = "(SELECT NULLIF(current_setting('hi.site_ids', true), ''))"


def tenant_policy(
    table: str, *, organization: str | None = "organization_id", site: str | None = None
) -> RunSQL:
    """Enable row-level security on ``table``.

    The row's ``host_id`` must be the scope's; its ``organization`` column too when the scope is one
    organization's; its ``site`` column must be among the scope's sites when those are limited.
    The owner is not forced under the policy (migrations and back-fills run as owner).
    """
    parts = [f"host_id = {HOST}"]
    if organization:
        parts.append(f"({ORGANIZATION} IS NULL OR {organization} = {ORGANIZATION})")
    if site:
        parts.append(f"({SITES} IS NULL OR {site} = ANY (string_to_array({SITES}, ',')::bigint[]))")
    condition = " AND ".join(parts)
    return RunSQL(
        sql=[
            f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
            f'CREATE POLICY tenant ON "{table}" USING ({condition}) WITH CHECK ({condition})',
        ],
        reverse_sql=[f'DROP POLICY tenant ON "{table}"', f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY'],
    )
