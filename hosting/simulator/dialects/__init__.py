"""The firmware families the simulator speaks."""

from __future__ import annotations

from hosting.simulator.dialects.antminer import ANTMINER
from hosting.simulator.dialects.avalon import AVALON
from hosting.simulator.dialects.base import Dialect
from hosting.simulator.dialects.cgminer import CGMINER
from hosting.simulator.dialects.whatsminer import WHATSMINER

DIALECTS: dict[str, Dialect] = {d.name: d for d in (ANTMINER, WHATSMINER, AVALON, CGMINER)}
