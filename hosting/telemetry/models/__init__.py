"""Tables of telemetry. No foreign keys: every key and query starts with ``site_id`` (design: Citus-ready)."""

from hosting.telemetry.models.claims import AddressClaim
from hosting.telemetry.models.live import Live
from hosting.telemetry.models.samples import Sample
from hosting.telemetry.models.sweeps import ShardLease, Sweep

__all__ = ["AddressClaim", "Live", "Sample", "ShardLease", "Sweep"]
