"""Reads of the fleet. The scope comes first; strangers' things are not found."""

from hosting.fleet.selectors.places import access_miner, access_site, assigned_site_ids, miners, sites

__all__ = ["access_miner", "access_site", "assigned_site_ids", "miners", "sites"]
