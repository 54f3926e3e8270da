"""Who is behind an address: make, model, firmware, dialect, MAC, serial.

Polite: one request at a time, read commands only, no default password, nothing that unlocks anything.  What
the miner does not say stays ``None``; a family that is recognised but has no dialect here has ``dialect``
``None``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hashinsight.integrations.miners.decode import CODE_ACCESS_DENIED, Section, decode, sections
from hashinsight.integrations.miners.dialects.base import Device, first_text, request
from hashinsight.integrations.miners.errors import MinerError
from hashinsight.integrations.miners.http_digest import ANTMINER_REALM, HttpLogin
from hashinsight.integrations.miners.http_digest import get as http_get
from hashinsight.integrations.miners.readings import MacIdentity, MissCause
from hashinsight.integrations.miners.transport import DEFAULT_DEADLINES, Deadlines, ask
from hashinsight.integrations.miners.units import integer, mac, text

__all__ = ["HttpLogin", "Identity", "identify", "read_identity", "read_work_mode", "recognise"]


@dataclass(frozen=True, slots=True)
class Identity:
    """``dialect``: a name of ``dialects.DIALECTS``, ``None`` when there is none for this firmware."""

    make: str | None = None
    model_name: str | None = None
    firmware: str | None = None
    dialect: str | None = None
    mac: str | None = None
    serial: str | None = None
    hostname: str | None = None


async def _command(host: str, port: int, command: str, deadlines: Deadlines) -> Section:
    reply, _ = decode(await ask(host, port, request(command).payload, deadlines))
    return sections(reply, command)[command]


async def identify(
    host: str,
    port: int = 4028,
    deadlines: Deadlines = DEFAULT_DEADLINES,
    http: HttpLogin | None = None,
    *,
    http_port: int = 80,
) -> Identity:
    """Identifies a miner with 1 to 4 requests.

    ``version`` first; ``devdetails``, ``get_version`` and ``get_miner_info`` only where it leaves
    questions.  The web page is asked with ``http`` for an Antminer's MAC, or without a login, for its realm
    alone, when port 4028 is closed or speaks something else.  Raises ``MinerError`` when the miner does not
    answer at all.
    """
    try:
        version = await _command(host, port, "version", deadlines)
    except MinerError as error:
        if error.cause not in {
            MissCause.REFUSED,
            MissCause.WRONG_PROTOCOL,
            MissCause.DENIED,
            MissCause.EMPTY,
        }:
            raise
        found = await _from_web_realm(host, http_port, deadlines)
        if found is None:
            raise
    else:
        found = recognise(version)
        if found is None or found.dialect == "cgminer":
            found = await _from_devdetails(host, port, deadlines) or found or Identity()
    if found.dialect == "whatsminer_v2":
        return await _complete_whatsminer(host, port, deadlines, found)
    if found.dialect == "antminer" and http is not None:
        device = Device(host, port, "antminer", http_port=http_port)
        return _with_mac(found, await read_identity(device, http, deadlines))
    return found


# Firmware that calls itself differently in VERSION, by key or word: (word, make, name of the firmware).
_OTHER_FIRMWARE = (
    ("luxminer", "Bitmain", "LuxOS"),
    ("boser", "Bitmain", "Braiins OS"),
    ("bosminer", "Bitmain", "Braiins OS"),
    ("vnish", "Bitmain", "VNish"),
    ("auradine", "Auradine", "FluxOS"),
)


def recognise(version: Section) -> Identity | None:
    """What a ``version`` answer proves; ``None`` when it proves nothing (refused, or no known word in it)."""
    row = version.first()
    if not version.ok or not row:
        return None
    if "fw_ver" in row or "api_ver" in row:
        return Identity(make="MicroBT", firmware=text(row.get("fw_ver")), dialect="whatsminer_v2")
    product = first_text(row.get("PROD"), row.get("MODEL"))
    if product is not None and ("avalon" in product.lower() or "DNA" in row):
        return Identity(
            make="Canaan",
            model_name=product,
            firmware=first_text(row.get("LVERSION"), row.get("VERSION"), row.get("CGVERSION")),
            dialect="avalon",
            mac=mac(row.get("MAC")),
            serial=text(row.get("DNA")),
        )
    return _recognise_type(row)


def _recognise_type(row: Mapping[str, Any]) -> Identity | None:
    model = text(row.get("Type"))
    words = f"{' '.join(list(row)[:32])} {model or ''}".lower()
    for word, make, other in _OTHER_FIRMWARE:
        if word in words:
            return Identity(make=make, model_name=model, firmware=other)
    if model is not None and model.lower().startswith("antminer"):
        firmware = first_text(row.get("CompileTime"))
        return Identity(make="Bitmain", model_name=model, firmware=firmware, dialect="antminer")
    if "CGMiner" in row:
        return Identity(model_name=model, firmware=text(row["CGMiner"]), dialect="cgminer")
    return None


async def _from_devdetails(host: str, port: int, deadlines: Deadlines) -> Identity | None:
    """Whatsminer and Avalon name their driver; stock Antminers refuse the command."""
    section = await _command(host, port, "devdetails", deadlines)
    if section.code == CODE_ACCESS_DENIED:
        return None
    row = section.first() if section.ok else {}
    driver = (first_text(row.get("Driver"), row.get("Name")) or "").lower()
    model = text(row.get("Model"))
    if driver.startswith(("bitmicro", "whatsminer")):
        return Identity(make="MicroBT", model_name=model, dialect="whatsminer_v2")
    if driver.startswith("avalon"):
        return Identity(make="Canaan", model_name=model, dialect="avalon")
    return None


async def _optional_row(host: str, port: int, command: str, deadlines: Deadlines) -> dict[str, Any]:
    """The first object of a command that the miner may not have; ``{}`` then."""
    try:
        section = await _command(host, port, command, deadlines)
    except MinerError:
        return {}
    return section.first() if section.ok else {}


async def _complete_whatsminer(host: str, port: int, deadlines: Deadlines, found: Identity) -> Identity:
    version = await _optional_row(host, port, "get_version", deadlines) if found.firmware is None else {}
    info = await _optional_row(host, port, "get_miner_info", deadlines)
    address = mac(info.get("mac"))
    if address is None:
        # API 1 has no get_miner_info, but its summary carries the MAC.
        address = mac((await _optional_row(host, port, "summary", deadlines)).get("MAC"))
    return replace(
        found,
        firmware=found.firmware or text(version.get("fw_ver")),
        mac=address,
        serial=text(info.get("minersn")),
        hostname=text(info.get("hostname")),
    )


async def _from_web_realm(host: str, http_port: int, deadlines: Deadlines) -> Identity | None:
    """An Antminer by the realm of its web page, without sending any login."""
    try:
        reply = await http_get(host, http_port, "/", None, deadlines)
    except MinerError:
        return None
    if reply.status == 401 and f'realm="{ANTMINER_REALM}"' in reply.headers.get("www-authenticate", ""):
        return Identity(make="Bitmain", dialect="antminer")
    return None


def _with_mac(found: Identity, page: MacIdentity | None) -> Identity:
    if page is None:
        return found
    return replace(
        found,
        model_name=found.model_name or page.model_name,
        firmware=found.firmware or page.firmware,
        mac=page.mac,
        serial=page.serial,
        hostname=page.hostname,
    )


async def _page(device: Device, login: HttpLogin, path: str, deadlines: Deadlines) -> dict[str, Any] | None:
    """A JSON page of the miner, ``None`` when it has no such page."""
    reply = await http_get(device.host, device.http_port, path, login, deadlines)
    if reply.status != 200:
        return None
    decoded, _ = decode(reply.body)
    return decoded


async def _read_antminer(device: Device, login: HttpLogin, deadlines: Deadlines) -> MacIdentity | None:
    page = await _page(device, login, "/cgi-bin/get_system_info.cgi", deadlines)
    if page is None:
        return None
    return MacIdentity(
        mac=mac(page.get("macaddr")),
        serial=first_text(page.get("serinum")),
        firmware=first_text(page.get("system_filesystem_version"), page.get("fw_version")),
        hostname=first_text(page.get("hostname")),
        model_name=first_text(page.get("minertype")),
    )


async def read_identity(
    device: Device, http: HttpLogin | None = None, deadlines: Deadlines = DEFAULT_DEADLINES
) -> MacIdentity | None:
    """The identity of a miner whose dialect is known, by the page or command that carries it.

    Antminer: ``get_system_info.cgi``, needs ``http`` (``None`` without).  Whatsminer: ``get_miner_info``,
    Avalon: ``version``.  ``None`` when this miner has no such source.  Raises ``MinerError``.
    """
    if device.dialect == "antminer":
        return None if http is None else await _read_antminer(device, http, deadlines)
    if device.dialect == "whatsminer_v2":
        base = Identity(dialect="whatsminer_v2")
        found = await _complete_whatsminer(device.host, device.port, deadlines, base)
    elif device.dialect == "avalon":
        section = await _command(device.host, device.port, "version", deadlines)
        found = recognise(section) or Identity()
    else:
        return None
    if found.mac is None and found.serial is None:
        return None
    return MacIdentity(found.mac, found.serial, found.firmware, found.hostname, found.model_name)


async def read_work_mode(
    device: Device, http: HttpLogin, deadlines: Deadlines = DEFAULT_DEADLINES
) -> int | None:
    """An Antminer's configured work mode: 0 normal, 1 sleep, 3 low power; ``None`` when its page does not
    say.

    This is the only proof of sleep that stock firmware gives; port 4028 shows empty lists.  Raises
    ``MinerError``.
    """
    page = await _page(device, http, "/cgi-bin/get_miner_conf.cgi", deadlines)
    return None if page is None else integer(page.get("bitmain-work-mode", page.get("miner-mode")))
