"""Row-level security behind the fleet's tenant tables."""

from django.db import migrations

from hashinsight.core.rls import tenant_policy


class Migration(migrations.Migration):
    dependencies = [("fleet", "0001_initial")]

    operations = [
        tenant_policy("fleet_site", organization=None, site="id"),
        tenant_policy("fleet_zone", organization=None, site="site_id"),
        tenant_policy("fleet_rack", organization=None, site="site_id"),
        tenant_policy("fleet_slot", organization=None, site="site_id"),
        tenant_policy("fleet_miner", site="site_id"),
    ]
