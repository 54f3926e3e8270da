"""The catalogue of miner models: nameplate hashrate and wall power as the makers state them.

Figures: product pages and data sheets of Bitmain, MicroBT and Canaan for the named version (checked
against public hardware lists). Where a model is sold in several bins, the most common one.
``generic-sha256`` stands for an unknown machine that speaks the cgminer API.
"""

from django.db import migrations

# slug, maker, name, dialect, TH/s, W
MODELS = (
    ("antminer-s9", "Bitmain", "Antminer S9", "antminer", 13.5, 1323),
    ("antminer-s9i", "Bitmain", "Antminer S9i", "antminer", 14, 1320),
    ("antminer-s17", "Bitmain", "Antminer S17", "antminer", 56, 2520),
    ("antminer-s17-pro", "Bitmain", "Antminer S17 Pro", "antminer", 53, 2094),
    ("antminer-s17p", "Bitmain", "Antminer S17+", "antminer", 73, 2920),
    ("antminer-t19", "Bitmain", "Antminer T19", "antminer", 84, 3150),
    ("antminer-s19", "Bitmain", "Antminer S19", "antminer", 95, 3250),
    ("antminer-s19-pro", "Bitmain", "Antminer S19 Pro", "antminer", 110, 3250),
    ("antminer-s19a", "Bitmain", "Antminer S19a", "antminer", 96, 3312),
    ("antminer-s19j", "Bitmain", "Antminer S19j", "antminer", 90, 3100),
    ("antminer-s19j-pro", "Bitmain", "Antminer S19j Pro", "antminer", 104, 3068),
    ("antminer-s19j-prop", "Bitmain", "Antminer S19j Pro+", "antminer", 122, 3355),
    ("antminer-s19k-pro", "Bitmain", "Antminer S19K Pro", "antminer", 120, 2760),
    ("antminer-s19-xp", "Bitmain", "Antminer S19 XP", "antminer", 140, 3010),
    ("antminer-s19j-xp", "Bitmain", "Antminer S19j XP", "antminer", 151, 3247),
    ("antminer-s19-xp-hyd", "Bitmain", "Antminer S19 XP Hyd", "antminer", 255, 5304),
    ("antminer-t21", "Bitmain", "Antminer T21", "antminer", 190, 3610),
    ("antminer-s21", "Bitmain", "Antminer S21", "antminer", 200, 3500),
    ("antminer-s21p", "Bitmain", "Antminer S21+", "antminer", 216, 3564),
    ("antminer-s21-pro", "Bitmain", "Antminer S21 Pro", "antminer", 234, 3510),
    ("antminer-s21-xp", "Bitmain", "Antminer S21 XP", "antminer", 270, 3645),
    ("antminer-s21-hyd", "Bitmain", "Antminer S21 Hyd", "antminer", 335, 5360),
    ("antminer-s21-xp-hyd", "Bitmain", "Antminer S21 XP Hyd", "antminer", 473, 5676),
    ("whatsminer-m20s", "MicroBT", "Whatsminer M20S", "whatsminer_v2", 68, 3360),
    ("whatsminer-m21s", "MicroBT", "Whatsminer M21S", "whatsminer_v2", 56, 3360),
    ("whatsminer-m30s", "MicroBT", "Whatsminer M30S", "whatsminer_v2", 88, 3344),
    ("whatsminer-m30sp", "MicroBT", "Whatsminer M30S+", "whatsminer_v2", 100, 3400),
    ("whatsminer-m30spp", "MicroBT", "Whatsminer M30S++", "whatsminer_v2", 112, 3472),
    ("whatsminer-m31sp", "MicroBT", "Whatsminer M31S+", "whatsminer_v2", 80, 3360),
    ("whatsminer-m50", "MicroBT", "Whatsminer M50", "whatsminer_v2", 114, 3306),
    ("whatsminer-m50s", "MicroBT", "Whatsminer M50S", "whatsminer_v2", 126, 3276),
    ("whatsminer-m53", "MicroBT", "Whatsminer M53", "whatsminer_v2", 230, 6670),
    ("whatsminer-m60", "MicroBT", "Whatsminer M60", "whatsminer_v2", 172, 3422),
    ("whatsminer-m60s", "MicroBT", "Whatsminer M60S", "whatsminer_v2", 186, 3441),
    ("whatsminer-m63s", "MicroBT", "Whatsminer M63S", "whatsminer_v2", 390, 7215),
    ("whatsminer-m66s", "MicroBT", "Whatsminer M66S", "whatsminer_v2", 298, 5513),
    ("avalon-a1066", "Canaan", "AvalonMiner A1066", "avalon", 50, 3250),
    ("avalon-a1166-pro", "Canaan", "AvalonMiner A1166 Pro", "avalon", 81, 3402),
    ("avalon-a1246", "Canaan", "Avalon A1246", "avalon", 90, 3420),
    ("avalon-a1346", "Canaan", "Avalon A1346", "avalon", 110, 3300),
    ("avalon-a1366", "Canaan", "Avalon A1366", "avalon", 130, 3250),
    ("avalon-a1466", "Canaan", "Avalon A1466", "avalon", 150, 3230),
    ("avalon-a1566", "Canaan", "Avalon A1566", "avalon", 185, 3420),
    ("generic-sha256", "Generic", "SHA-256 miner", "cgminer", 60, 2160),
)


def add_models(apps, schema_editor):
    model = apps.get_model("fleet", "MinerModel")
    fields = ("slug", "maker", "name", "dialect", "nominal_ths", "nominal_w")
    known = set(model.objects.values_list("slug", flat=True))
    model.objects.bulk_create(
        model(**dict(zip(fields, row, strict=True))) for row in MODELS if row[0] not in known
    )


class Migration(migrations.Migration):
    dependencies = [("fleet", "0002_row_level_security")]

    # Taking it back leaves the rows: miners may refer to them.
    operations = [migrations.RunPython(add_models, migrations.RunPython.noop)]
