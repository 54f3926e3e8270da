"""Writing the fleet's CSV file, so that reading it again changes nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from hosting.fleet.domain.csv_rows import COLUMNS, OPTIONAL_COLUMNS, escape_cell

HEADER = (*COLUMNS, *OPTIONAL_COLUMNS)


def write(rows: Iterable[Sequence[object]]) -> bytes:
    """``rows`` hold the cells in the order of HEADER; None becomes an empty cell.

    UTF-8 with BOM (spreadsheets recognise it), commas, and no cell that a spreadsheet would compute.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADER)
    for row in rows:
        writer.writerow(["" if cell is None else escape_cell(str(cell)) for cell in row])
    return out.getvalue().encode("utf-8-sig")
