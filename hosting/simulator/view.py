"""The figures that replies are made of: one row of plain floats per miner and tick."""

from __future__ import annotations

import numpy as np

from hosting.simulator.models import BOARDS
from hosting.simulator.physics import WINDOWS_S, Floats, Physics

# Columns of a row. Hashrates in TH/s, temperatures in deg C, power in W, fans in rpm.
(THS_5S, THS_1M, THS_5M, THS_15M, THS_30M, THS_AV) = range(6)
(ELAPSED, ACCEPTED, REJECTED, STALE, HW, POWER, INLET, TOTAL_TH, MODE, FAN_PCT, ENERGY) = range(6, 17)
BOARD_SHARE = 17  # 3 columns
BOARD_CHIP_C = 20  # 3 columns: hottest chip
FAN_RPM = 23  # 4 columns
COLUMNS = 27

Row = list[float]


class View:
    """A (miners, columns) table of the present tick; `row(i)` is what renderers get."""

    def __init__(self, physics: Physics) -> None:
        self._physics = physics
        self.table: Floats = np.zeros((physics.size, COLUMNS))

    def refresh(self) -> None:
        """Copy the state of this tick into the table."""
        physics, table = self._physics, self.table
        for i in range(len(WINDOWS_S)):
            table[:, THS_5S + i] = physics.window_ths(i)
        table[:, THS_AV] = physics.average_ths()
        table[:, ELAPSED] = physics.elapsed
        table[:, ACCEPTED] = physics.accepted
        table[:, REJECTED] = physics.rejected
        table[:, STALE] = physics.stale
        table[:, HW] = physics.hw_errors
        table[:, POWER] = physics.power_w
        table[:, INLET] = physics.inlet_c()
        table[:, TOTAL_TH] = physics.total_th()
        table[:, MODE] = physics.mode()
        table[:, FAN_PCT] = physics.fan_pct * 100
        table[:, ENERGY] = physics.energy_wh
        table[:, BOARD_SHARE : BOARD_SHARE + BOARDS] = physics.board_share().T
        chips = physics.chip_c + physics.board_offset_c * (physics.ramp > 0)
        chips = np.where(physics.board_ok, chips, physics.inlet_c() + 3)
        table[:, BOARD_CHIP_C : BOARD_CHIP_C + BOARDS] = chips.T
        table[:, FAN_RPM : FAN_RPM + 4] = physics.fan_rpm().T

    def row(self, index: int) -> Row:
        """The columns of one miner as Python floats."""
        return self.table[index].tolist()  # type: ignore[no-any-return]
