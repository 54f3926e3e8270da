"""The CSV import against the real database, as hi_web and under the caller's scope."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from hashinsight.audit.models import Entry
from hashinsight.core.errors import NotAllowedError
from hashinsight.core.models import Job
from hashinsight.core.scope import open_scope
from hosting.fleet.domain import csv_export
from hosting.fleet.domain.csv_rows import COLUMNS
from hosting.fleet.models import Miner, MinerModel, Rack, Site, Slot, Zone
from hosting.fleet.selectors.inventory import inventory_cells
from hosting.fleet.services.imports import ImportReport, import_miners
from hosting.simulator.models import MODELS
from tests.support.cast import Cast
from tests.support.factories import make_miner
from tests.support.roles import as_role

HEADER = ",".join(COLUMNS)
Importer = Callable[..., ImportReport]


def line(number: int, **cells: str) -> str:
    """One row of the file: machine ``number`` in row 1 of rack R1."""
    values = {
        "site": "north",
        "zone": "Hall 1",
        "rack": "R1",
        "row": "1",
        "position": str(number),
        "model": "antminer-s21",
        "mac": f"28:e2:97:00:00:{number:02x}",
        "serial": f"SN{number}",
        "address": f"10.1.0.{number}",
        "port": "4028",
        "customer": "customer-a",
        "worker": f"acme.{number}",
        "desired_state": "mining",
    }
    return ",".join({**values, **cells}[name] for name in COLUMNS)


@pytest.fixture
def run(cast: Cast) -> Importer:
    """``run(line(1), line(2), who="owner", dry_run=False)``."""

    def importer(*lines: str, who: str = "owner", header: str = HEADER, **options: Any) -> ImportReport:
        scope = cast.scope(who)
        with as_role("hi_web"), open_scope(scope):
            return import_miners(
                actor=getattr(cast, who),
                scope=scope,
                site=options.pop("site", cast.site),
                content="\n".join([header, *lines]).encode(),
                source="fleet.csv",
                **options,
            )

    return importer


@pytest.fixture
def tables(cast: Cast) -> Callable[[], list[int]]:
    """Counts of everything that an import may write."""
    return lambda: [model.objects.count() for model in (Zone, Rack, Slot, Miner, Job, Entry)]


def told(report: ImportReport) -> list[tuple[int, str, str]]:
    return [(p.row, p.column, p.message) for p in report.problems]


def test_an_import_creates_places_and_miners_and_asks_for_a_sweep(cast: Cast, run: Importer) -> None:
    report = run(line(1), line(2, customer="", zone="Hall 2"))
    assert (report.created, report.zones, report.racks, report.slots) == (2, 2, 2, 2)
    first, second = Miner.objects.order_by("mac")
    assert (first.organization, second.organization) == (cast.customer_a, cast.host)
    assert (str(first.slot), first.dialect, first.http_port) == ("R1-1-1", "antminer", 80)
    assert second.slot is not None
    assert second.slot.rack.zone.name == "Hall 2"
    job = Job.objects.get()
    assert (job.task, job.arguments, job.queue) == (
        "hosting.telemetry.tasks.sweep_site",
        {"site_id": cast.site.pk},
        "default",
    )
    entry = Entry.objects.get(action="fleet.import")
    assert entry.after is not None
    assert (entry.actor_id, entry.target_id, entry.after["created"]) == (
        cast.owner.pk,
        cast.site.public_id,
        2,
    )


def test_a_dry_run_tells_the_same_and_leaves_nothing(run: Importer, tables: Callable[[], list[int]]) -> None:
    before = tables()
    dry = run(line(1), line(2), dry_run=True)
    assert tables() == before
    real = run(line(1), line(2))
    assert (dry.created, dry.slots, dry.changes) == (real.created, real.slots, real.changes)


def test_the_same_file_again_changes_nothing(run: Importer, tables: Callable[[], list[int]]) -> None:
    run(line(1), line(2))
    before = tables()
    again = run(line(1), line(2))
    assert (again.created, again.changed, again.unchanged, again.changes_anything) == (0, 0, 2, False)
    assert tables() == before


def test_a_known_miner_is_changed_and_the_change_is_named(cast: Cast, run: Importer) -> None:
    run(line(1), line(2))
    report = run(line(1, customer="customer-b", model="Whatsminer M60", desired_state="sleeping"))
    assert (report.changed, report.absent) == (1, 1)
    assert report.changes[0].fields == {
        "model": ("antminer-s21", "whatsminer-m60"),
        "dialect": ("antminer", "whatsminer_v2"),
        "customer": ("customer-a", "customer-b"),
        "desired_state": ("mining", "sleeping"),
    }
    assert Miner.objects.get(mac="28:e2:97:00:00:01").organization == cast.customer_b
    entry = Entry.objects.filter(action="fleet.import").latest("id")
    assert entry.before is not None
    assert entry.before["28:e2:97:00:00:01"]["customer"] == "customer-a"


def test_empty_state_dialect_and_web_port_keep_what_is_there(run: Importer) -> None:
    header = f"{HEADER},http_port,dialect"
    run(line(1, desired_state="maintenance") + ",8080,avalon", header=header)
    assert run(line(1, desired_state="")).unchanged == 1
    miner = Miner.objects.get()
    assert (miner.desired_state, miner.http_port, miner.dialect) == ("maintenance", 8080, "avalon")


def test_machines_may_swap_slots_addresses_and_serials_in_one_file(run: Importer) -> None:
    run(line(1), line(2))
    swapped = run(
        line(1, position="2", address="10.1.0.2", serial="SN2"),
        line(2, position="1", address="10.1.0.1", serial="SN1"),
    )
    assert swapped.changed == 2
    miner = Miner.objects.select_related("slot").get(mac="28:e2:97:00:00:01")
    assert (miner.address, miner.serial, miner.slot and miner.slot.position) == ("10.1.0.2", "SN2", 2)


@pytest.mark.parametrize(
    ("cells", "column", "message", "remedy"),
    [
        (
            {"model": "antminer-s12"},
            "model",
            "This model is not in the catalogue.",
            "Did you mean: antminer-s21",
        ),
        ({"model": "zzz"}, "model", "This model is not in the catalogue.", "have the model added"),
        ({"customer": "custmer-a"}, "customer", "There is no customer with this short name.", "customer-a"),
        ({"customer": "partner"}, "customer", "There is no customer with this short name.", ""),
        ({"site": "south"}, "site", "The row is for another site; this import is for “north”.", ""),
        (
            {"address": "10.2.0.1"},
            "address",
            "The address lies outside the site's ranges (10.1.0.0/16).",
            "add its network",
        ),
        ({"mac": "28E2.9700.0001"}, "mac", "Row 2 has the same MAC.", "Remove one"),
        ({"serial": "SN1"}, "serial", "Row 2 has the same serial number.", "Correct one"),
        ({"address": "10.1.0.1"}, "address", "Row 2 has the same address and port.", "Correct one"),
        ({"position": "1"}, "position", "Row 2 stands in the same slot.", "Correct one"),
    ],
)
def test_a_bad_row_gets_one_clear_message_and_nothing_is_imported(  # noqa: PLR0917
    run: Importer,
    tables: Callable[[], list[int]],
    cells: dict[str, str],
    column: str,
    message: str,
    remedy: str,
) -> None:
    before = tables()
    report = run(line(1), line(2, **cells), line(3))
    assert told(report) == [(3, column, message)]
    assert remedy in report.problems[0].remedy
    assert tables() == before


def test_conflicts_with_the_inventory_name_the_other_miner(cast: Cast, run: Importer) -> None:
    run(line(1))
    known = Miner.objects.get()
    elsewhere = make_miner(cast.other_site, mac="28:e2:97:00:00:09", serial="FAR")
    report = run(
        line(2, address="10.1.0.1"),
        line(3, position="1"),
        line(4, serial="SN1"),
        line(5, serial="FAR"),
        line(9),
    )
    assert told(report) == [
        (2, "address", f"The miner {known.public_id} (MAC {known.mac}) has this address and port."),
        (3, "position", f"The miner {known.public_id} (MAC {known.mac}) stands in this slot."),
        (4, "serial", f"The miner with MAC {known.mac} at the site “North” has this serial number."),
        (5, "serial", f"The miner with MAC {elsewhere.mac} at the site “South” has this serial number."),
        (6, "mac", f"The miner {elsewhere.public_id} at the site “South” has this MAC."),
    ]


def test_a_retired_machine_gives_its_address_free(run: Importer) -> None:
    run(line(1, desired_state="retired"))
    assert run(line(2, address="10.1.0.1")).created == 1


def test_a_miner_that_the_operator_cannot_see_is_still_a_clear_message(cast: Cast, run: Importer) -> None:
    make_miner(cast.other_site, mac="28:e2:97:00:00:02")
    for dry_run in (True, False):
        report = run(line(1), line(2), who="operator", dry_run=dry_run)
        assert [(p.row, p.column) for p in report.problems] == [(3, "mac")]
        assert "that you cannot see" in report.problems[0].message
    assert not Miner.objects.filter(site=cast.site).exists()


def test_another_host_may_have_the_same_machines_and_ranges(cast: Cast, run: Importer) -> None:
    make_miner(cast.stranger_site, mac="28:e2:97:00:00:01", serial="SN1", address="10.1.0.1")
    assert run(line(1)).created == 1


def test_a_site_without_ranges_says_so_once(cast: Cast, run: Importer) -> None:
    Site.objects.filter(pk=cast.site.pk).update(address_ranges=[])
    cast.site.refresh_from_db()
    assert told(run(line(1), line(2))) == [(0, "address", "The site “north” has no address ranges.")]


@pytest.mark.parametrize("who", ["client_a", "guest", "partner", "stranger"])
def test_who_may_not_import_is_refused(cast: Cast, run: Importer, who: str) -> None:
    with pytest.raises(NotAllowedError):
        run(line(1), who=who)
    assert not Miner.objects.exists()


def test_an_operator_is_refused_at_a_site_that_is_not_assigned(cast: Cast, run: Importer) -> None:
    with pytest.raises(NotAllowedError):
        run(line(1, site="south"), who="operator", site=cast.other_site)


def test_the_export_read_again_is_unchanged(cast: Cast, run: Importer) -> None:
    run(
        line(1, worker="=1+1", customer=""),
        line(2, zone="-Hall", worker="''@x", model="avalon-a1246"),
        line(3, zone="", rack="", row="", position="", serial=""),
    )
    scope = cast.scope("owner")
    with as_role("hi_web"), open_scope(scope):
        content = csv_export.write(inventory_cells(scope, cast.site))
        report = import_miners(actor=cast.owner, scope=scope, site=cast.site, content=content)
    assert report.problems == []
    assert (report.unchanged, report.created, report.changed) == (3, 0, 0)
    assert b"'=1+1" in content
    assert b"''@x" in content


@pytest.mark.django_db
def test_the_catalogue_holds_the_simulators_models_with_the_same_figures() -> None:
    known = {model.slug: model for model in MinerModel.objects.all()}
    for slug, spec in MODELS.items():
        assert (known[slug].dialect, known[slug].nominal_ths, known[slug].nominal_w) == (
            spec.dialect,
            spec.ths,
            spec.watts,
        )


@pytest.mark.django_db
def test_nameplates_agree_with_the_public_lists() -> None:
    import csv
    from pathlib import Path

    folder = Path(os.environ.get("HI_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data")
    path = folder / "asic_models.csv"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    with path.open(encoding="utf-8") as file:
        listed = {
            (row["model"].lower().split(" ", 1)[1], float(row["hashrate_ths"]), float(row["power_w"]))
            for row in csv.DictReader(file)
            if row["manufacturer"] in {"Bitmain", "MicroBT", "Canaan"}
        }
    for model in MinerModel.objects.exclude(maker="Generic").exclude(slug="whatsminer-m30s"):
        name = model.name.lower().split(" ", 1)[1]
        assert (name, model.nominal_ths, model.nominal_w) in listed, model.slug
