"""Pages of the fleet."""

from hosting.fleet.views.imports import export_csv, import_page

__all__ = ["export_csv", "import_page"]
