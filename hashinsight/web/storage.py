"""Static files with a hash in the name, so that browsers may keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Hashed and compressed. Vendor packages name source maps that they do not ship, so a missing
    reference inside a file is no error."""

    manifest_strict = True
    support_js_module_import_aggregation = False
