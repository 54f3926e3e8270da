"""The words for an import's problems: what is wrong with which row, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from hosting.fleet.domain.csv_rows import Problem

# code -> (what is wrong, what to do); filled with the problem's parameters, `value` and `column`.
TEXTS: Final[dict[str, tuple[Any, Any]]] = {
    # the file
    "too_large": (
        _("The file has %(mb)s MB."),
        _("Split it into files of at most %(limit)s MB."),
    ),
    "workbook": (
        _("This is a spreadsheet workbook, not a CSV file."),
        _("Save the sheet as “CSV UTF-8” and upload that file."),
    ),
    "nul": (
        _("The file contains NUL bytes."),
        _("Save it as “CSV UTF-8” (it looks like UTF-16 or a binary file)."),
    ),
    "not_utf8": (_("A character here is not UTF-8."), _("Save the file as “CSV UTF-8”.")),
    "not_csv": (
        _("The row is not valid CSV (%(reason)s)."),
        _("Check the quotation marks of this row: each one that opens must be closed."),
    ),
    "empty": (_("The file is empty."), _("Start it with the row: %(columns)s")),
    "no_rows": (_("The file has column names, but no miner."), _("Add one row for each miner.")),
    "too_many_rows": (
        _("The file has more than %(limit)s rows."),
        _("Split it into several files."),
    ),
    "column_missing": (
        _("The column “%(column)s” is missing."),
        _("The first row must be: %(columns)s"),
    ),
    "column_unknown": (
        _("The column “%(column)s” is not known."),
        _("Remove or rename it; known are: %(columns)s"),
    ),
    "column_twice": (_("The column “%(column)s” occurs twice."), _("Remove one of them.")),
    "no_ranges": (
        _("The site “%(site)s” has no address ranges."),
        _("Enter the networks of its miners in the back office first."),
    ),
    "hidden_taken": (
        _("This MAC or serial number belongs to a miner that you cannot see or that was just added."),
        _("Try again; if it stays, ask the host's admin at which site it is."),
    ),
    "hidden_conflict": (
        _("Somebody changed the inventory at the same time."),
        _("Upload the file again."),
    ),
    # a row
    "cells": (
        _("The row has %(cells)s cells, the header has %(columns)s."),
        _("Check for a missing or an extra separator; a text with a comma needs quotation marks."),
    ),
    "control": (_("The cell contains control characters or a line break."), _("Remove them.")),
    "missing": (_("The cell is empty."), _("Fill it in.")),
    "too_long": (
        _("The text has %(length)s characters."),
        _("Shorten it to at most %(limit)s."),
    ),
    "not_whole": (_("This is not a whole number."), _("Write a number from %(low)s to %(high)s.")),
    "out_of_range": (_("The number is out of range."), _("It must be from %(low)s to %(high)s.")),
    "not_a_choice": (_("This value does not exist."), _("Use one of: %(allowed)s.")),
    "place_incomplete": (
        _("The slot is only partly given."),
        _("Fill in zone, rack, row and position, or leave all four empty."),
    ),
    "other_site": (
        _("The row is for another site; this import is for “%(site)s”."),
        _("Choose the other site, or correct the row."),
    ),
    # model and customer
    "unknown_model": (
        _("This model is not in the catalogue."),
        _("Correct it, or have the model added to the catalogue."),
    ),
    "unknown_model_near": (_("This model is not in the catalogue."), _("Did you mean: %(near)s?")),
    "unknown_customer": (
        _("There is no customer with this short name."),
        _("Correct it, or create the customer first; empty means the host's own machine."),
    ),
    "unknown_customer_near": (
        _("There is no customer with this short name."),
        _("Did you mean: %(near)s?"),
    ),
    # MAC
    "mac_form": (_("This is not a MAC."), _("Write it as aa:bb:cc:dd:ee:ff.")),
    "mac_zero": (_("A MAC of zeros is nobody's."), _("Read the MAC from the machine's label or web page.")),
    "mac_group": (
        _("This is a multicast MAC, which no machine can have."),
        _("Check the second digit: it must be even."),
    ),
    "mac_twice": (_("Row %(other)s has the same MAC."), _("Remove one of the two rows.")),
    "mac_elsewhere": (
        _("The miner %(miner)s at the site “%(site)s” has this MAC."),
        _("Move that miner in the back office, or correct the MAC."),
    ),
    "serial_twice": (_("Row %(other)s has the same serial number."), _("Correct one of the two.")),
    "serial_taken": (
        _("The miner with MAC %(mac)s at the site “%(site)s” has this serial number."),
        _("If its control board was replaced, change the MAC of that miner; else correct the number."),
    ),
    # address and slot
    "address_form": (_("This is not an IPv4 address."), _("Write it as 10.1.2.3.")),
    "outside": (
        _("The address lies outside the site's ranges (%(ranges)s)."),
        _("Correct the address, or add its network to the site."),
    ),
    "address_twice": (_("Row %(other)s has the same address and port."), _("Correct one of the two.")),
    "address_taken": (
        _("The miner %(miner)s (MAC %(mac)s) has this address and port."),
        _("Correct the address, or put that miner's new address into the file too."),
    ),
    "position_twice": (_("Row %(other)s stands in the same slot."), _("Correct one of the two.")),
    "position_taken": (
        _("The miner %(miner)s (MAC %(mac)s) stands in this slot."),
        _("Correct the slot, or put that miner's new slot into the file too."),
    ),
}


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One problem in words. ``row`` as the spreadsheet shows it, 0 for the whole file."""

    row: int
    column: str
    value: str
    message: str
    remedy: str

    def __str__(self) -> str:
        where = [
            f"row {self.row}" if self.row else "file",
            self.column,
            f"“{self.value}”" if self.value else "",
        ]
        return f"{', '.join(part for part in where if part)}: {self.message} {self.remedy}"


def in_words(problem: Problem) -> RowProblem:
    """The problem in the language of the request."""
    message, remedy = TEXTS[problem.code]
    params = {**problem.params, "column": problem.column, "value": problem.value}
    return RowProblem(problem.row, problem.column, problem.value, str(message) % params, str(remedy) % params)
