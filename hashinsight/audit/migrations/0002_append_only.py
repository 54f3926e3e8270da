"""The audit trail refuses UPDATE, DELETE and TRUNCATE, whoever asks; readers see their own host's rows."""

from django.db import migrations

from hashinsight.core.rls import HOST, ORGANIZATION

SCOPE = f"host_id = {HOST} AND ({ORGANIZATION} IS NULL OR organization_id = {ORGANIZATION})"


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql=[
                """
                CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    RAISE EXCEPTION 'the audit trail is append-only (% refused)', TG_OP
                        USING ERRCODE = 'insufficient_privilege';
                END $$
                """,
                "CREATE TRIGGER audit_entry_rows BEFORE UPDATE OR DELETE ON audit_entry"
                " FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
                "CREATE TRIGGER audit_entry_table BEFORE TRUNCATE ON audit_entry"
                " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
                "ALTER TABLE audit_entry ENABLE ROW LEVEL SECURITY",
                f"CREATE POLICY readers ON audit_entry FOR SELECT USING ({SCOPE})",
                "CREATE POLICY writers ON audit_entry FOR INSERT WITH CHECK (true)",
            ],
            reverse_sql=[
                "DROP POLICY writers ON audit_entry",
                "DROP POLICY readers ON audit_entry",
                "ALTER TABLE audit_entry DISABLE ROW LEVEL SECURITY",
                "DROP TRIGGER audit_entry_table ON audit_entry",
                "DROP TRIGGER audit_entry_rows ON audit_entry",
                "DROP FUNCTION audit_refuse()",
            ],
        )
    ]
