"""The machines the simulator knows: nameplate figures and what each calls itself on the wire."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model as its vendor sells it.

    `ths` is the nameplate hashrate in TH/s, `watts` the nameplate wall power in W, `chips` the chips on
    each of the three hashboards, `wire_name` what the firmware puts in its replies, and `firmware` the
    version text of the build (for Antminers the compile time, which is all that stock firmware tells).
    `share` is how common the model is in a generated fleet.
    """

    slug: str
    name: str
    dialect: str
    ths: float
    watts: float
    chips: int
    fans: int = 4
    fan_max_rpm: int = 6000
    wire_name: str
    firmware: str
    share: float


_ANTMINERS = (  # name, TH/s, W, chips a board, compile time, share
    ("S19", 95, 3250, 76, "Fri Sep 17 13:27:12 CST 2021", 0.08),
    ("S19 Pro", 110, 3250, 114, "Mon Oct 17 09:41:03 CST 2022", 0.12),
    ("S19j Pro", 104, 3068, 126, "Thu Jun  9 15:02:44 CST 2022", 0.20),
    ("S19K Pro", 120, 2760, 77, "Tue Apr 11 18:20:31 CST 2023", 0.08),
    ("S19 XP", 140, 3010, 110, "Wed Mar 15 11:08:57 CST 2023", 0.12),
    ("S21", 200, 3500, 108, "Thu Dec 21 16:45:20 CST 2023", 0.14),
)
_WHATSMINERS = (  # slug, name, wire name, TH/s, W, chips a board, firmware (below 202411: the v2 API), share
    ("m30spp", "M30S++", "M30S++_VH60", 112, 3472, 78, "20221123.14.REL", 0.06),
    ("m50s", "M50S", "M50S_VH50", 126, 3276, 135, "20230414.12.REL", 0.06),
    ("m60", "M60", "M60_VK20", 172, 3422, 172, "20240318.16.REL", 0.05),
)
_AVALONS = (  # name, wire name, TH/s, W, chips a board, fans, firmware, share
    ("A1246", "1246", 90, 3420, 120, 4, "22031401_4ec6bb0_3d1a7c2", 0.03),
    ("A1566", "15-194", 185, 3420, 160, 2, "24071801_14a19a2_9e03f51", 0.04),
)


def _all() -> list[ModelSpec]:
    out = [
        ModelSpec(
            slug="antminer-" + name.lower().replace(" ", "-"),
            name=f"Antminer {name}",
            dialect="antminer",
            ths=ths,
            watts=watts,
            chips=chips,
            wire_name=f"Antminer {name}",
            firmware=firmware,
            share=share,
        )
        for name, ths, watts, chips, firmware, share in _ANTMINERS
    ]
    out += [
        ModelSpec(
            slug=f"whatsminer-{slug}",
            name=f"Whatsminer {name}",
            dialect="whatsminer_v2",
            ths=ths,
            watts=watts,
            chips=chips,
            fans=2,
            fan_max_rpm=7000,
            wire_name=wire,
            firmware=firmware,
            share=share,
        )
        for slug, name, wire, ths, watts, chips, firmware, share in _WHATSMINERS
    ]
    out += [
        ModelSpec(
            slug=f"avalon-{name.lower()}",
            name=f"Avalon {name}",
            dialect="avalon",
            ths=ths,
            watts=watts,
            chips=chips,
            fans=fans,
            fan_max_rpm=7000,
            wire_name=wire,
            firmware=firmware,
            share=share,
        )
        for name, wire, ths, watts, chips, fans, firmware, share in _AVALONS
    ]
    out.append(
        ModelSpec(
            slug="generic-sha256",
            name="Generic SHA-256 miner",
            dialect="cgminer",
            ths=60,
            watts=2160,
            chips=100,
            fans=2,
            wire_name="ASIC",
            firmware="4.11.1",
            share=0.02,
        )
    )
    return out


MODELS: dict[str, ModelSpec] = {model.slug: model for model in _all()}
"""Every model by its slug (the value of the `model` column of a fleet CSV)."""

BOARDS = 3
"""Hashboards in each machine."""
