"""The samples table (partitioned by UTC day), its partitions' keeper and the policies.

Only the owner may create partitions; the workers call ``telemetry_keep_partitions``, which runs with
the owner's rights. No default partition: a sample outside of the kept days is refused, not hidden.
"""

from django.db import migrations

from hashinsight.core.rls import tenant_policy

CREATE = """
CREATE TABLE telemetry_sample (
    slot_at timestamptz NOT NULL,
    sampled_at timestamptz NOT NULL,
    accepted bigint,
    rejected bigint,
    stale bigint,
    hw_errors bigint,
    host_id integer NOT NULL,
    site_id integer NOT NULL,
    organization_id integer NOT NULL,
    miner_id integer NOT NULL,
    hashrate_ths real,
    hashrate_short_ths real,
    power_w integer,
    temp_chip_max_c real,
    temp_board_max_c real,
    temp_inlet_c real,
    rtt_ms real,
    uptime_s integer,
    repairs integer NOT NULL,
    fan_min_rpm smallint,
    fan_max_rpm smallint,
    boards_hashing smallint,
    pool_index smallint,
    mode smallint NOT NULL,
    power_source smallint NOT NULL,
    PRIMARY KEY (site_id, miner_id, slot_at)
) PARTITION BY RANGE (slot_at)
"""

KEEPER = """
CREATE FUNCTION telemetry_keep_partitions(days_back integer, days_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    made integer := 0;
    one date;
    name text;
BEGIN
    IF days_back NOT BETWEEN 0 AND 400 OR days_ahead NOT BETWEEN 0 AND 30 THEN
        RAISE EXCEPTION 'days_back must be within 0..400 and days_ahead within 0..30';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('telemetry_keep_partitions'));
    FOR offset_days IN -days_back..days_ahead LOOP
        one := today + offset_days;
        name := 'telemetry_sample_' || to_char(one, 'YYYYMMDD');
        IF to_regclass('public.' || name) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE public.%I PARTITION OF public.telemetry_sample FOR VALUES FROM (%L) TO (%L)',
                name, one::text || ' 00:00+00', (one + 1)::text || ' 00:00+00');
            EXECUTE format('REVOKE ALL ON public.%I FROM PUBLIC, hi_web, hi_worker, hi_telemetry', name);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0001_initial")]

    operations = [
        migrations.RunSQL(sql=CREATE, reverse_sql="DROP TABLE telemetry_sample"),
        migrations.RunSQL(
            sql=[
                KEEPER,
                "REVOKE ALL ON FUNCTION telemetry_keep_partitions(integer, integer) FROM PUBLIC, hi_web",
                "GRANT EXECUTE ON FUNCTION telemetry_keep_partitions(integer, integer) TO hi_telemetry, hi_worker",
                "SELECT telemetry_keep_partitions(7, 2)",
            ],
            reverse_sql="DROP FUNCTION telemetry_keep_partitions(integer, integer)",
        ),
        migrations.RunSQL(
            # A live row is rewritten each sweep: room on the page keeps the updates heap-only.
            sql="ALTER TABLE telemetry_live SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05)",
            reverse_sql="ALTER TABLE telemetry_live RESET (fillfactor, autovacuum_vacuum_scale_factor)",
        ),
        tenant_policy("telemetry_sample", site="site_id"),
        tenant_policy("telemetry_live", site="site_id"),
        tenant_policy("telemetry_sweep", organization=None, site="site_id"),
        tenant_policy("telemetry_claim", site="site_id"),
    ]
