"""Tables of the fleet: where machines stand and what they are."""

from hosting.fleet.models.miners import Miner, MinerModel
from hosting.fleet.models.places import Rack, Site, SiteAssignment, Slot, Zone

__all__ = ["Miner", "MinerModel", "Rack", "Site", "SiteAssignment", "Slot", "Zone"]
