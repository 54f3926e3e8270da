"""What the codes mean for people: the word, its sign, and what to do first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hosting.telemetry.choices import MissCause
from hosting.telemetry.domain.status import Reason, Status

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Word:
    """``slug`` for addresses and style sheets, ``label`` to read, ``icon`` so that colour is never alone."""

    slug: str
    label: Text
    icon: str
    hint: Text = ""


STATUS: Final[dict[Status, Word]] = {
    Status.ONLINE: Word("online", _("online"), "check", _("seen in the last sweep, working as wanted")),
    Status.ATTENTION: Word("attention", _("attention"), "warning", _("answers, but something is wrong")),
    Status.OFFLINE: Word("offline", _("offline"), "cross", _("did not answer")),
    Status.ASLEEP: Word("asleep", _("asleep"), "moon", _("asleep as planned")),
    Status.UNKNOWN: Word("unknown", _("unknown"), "question", _("not tried by the collector lately")),
}

REASON: Final[dict[Reason, Word]] = {
    Reason.CONFLICT: Word(
        "conflict",
        _("another machine answers"),
        "swap",
        _("Compare the MAC on the label, then confirm or dismiss the claim on the site's page."),
    ),
    Reason.MOVED: Word(
        "moved",
        _("answers at another address"),
        "swap",
        _("Confirm the new address on the site's page, or fix its DHCP reservation."),
    ),
    Reason.ERROR: Word(
        "error", _("reports an error"), "warning", _("Read the error code on the miner's page.")
    ),
    Reason.NOT_HASHING: Word(
        "not-hashing",
        _("on, but not hashing"),
        "bolt",
        _("Check power supply, boards and pools; then restart it."),
    ),
    Reason.MODE_UNKNOWN: Word(
        "mode-unknown",
        _("mode not readable"),
        "question",
        _("Compare the firmware with the rest of the rack."),
    ),
    Reason.ASLEEP_UNPLANNED: Word(
        "asleep-unplanned",
        _("asleep against the plan"),
        "moon",
        _("Wake it, or set its desired state to asleep."),
    ),
    Reason.AWAKE_UNPLANNED: Word(
        "awake-unplanned",
        _("mining against the plan"),
        "bolt",
        _("Put it to sleep: it draws power not planned."),
    ),
    Reason.BOARDS: Word(
        "boards",
        _("hash board down"),
        "board",
        _("Restart once; if the board stays away, swap or repair it."),
    ),
    Reason.FANS: Word(
        "fans", _("fan standing still"), "fan", _("Replace the fan before the machine overheats.")
    ),
    Reason.LOW_HASHRATE: Word(
        "low-hashrate",
        _("hashrate below 85 %"),
        "down",
        _("Look at temperature, pool rejects and power limit."),
    ),
    Reason.HOT: Word("hot", _("chip at 95 °C or more"), "heat", _("Check air flow, filters and the inlet.")),
    Reason.SLOW_START: Word(
        "slow-start",
        _("starting for over 15 min"),
        "clock",
        _("Look at the log; power supply and boards first."),
    ),
}

_CAUSE_HINT: Final[dict[int, Text]] = {
    MissCause.REFUSED: _("The machine is there but its service is not: restart the miner."),
    MissCause.TIMEOUT: _("Check power and network: breaker, cable, switch port."),
    MissCause.DENIED: _("Allow this collector's address in the miner's API settings."),
    MissCause.BACKEND_DOWN: _("The mining software is down: restart the miner."),
    MissCause.WRONG_PROTOCOL: _("Another service uses the port: check address and port."),
    MissCause.FOREIGN: _("Another machine has this address: decide the claim on the site's page."),
}
_CAUSE_HINT_ELSE: Final = _("Restart the miner; if it comes back, compare its firmware with the rack's.")


def status(value: int) -> Word:
    """The word for a stored or computed status."""
    return STATUS[Status(value)]


def reasons(value: int) -> list[Word]:
    """The words of a reason mask, most important first."""
    return [word for reason, word in REASON.items() if value & reason]


def cause(value: int | None) -> Word:
    """Why a miner is offline; None = it was seen before and nothing is known of the last try."""
    if value is None:
        return Word("silent", _("never answered"), "cross", _("Check power and network."))
    known = MissCause(value)
    return Word(
        known.name.lower().replace("_", "-"), known.label, "cross", _CAUSE_HINT.get(value, _CAUSE_HINT_ELSE)
    )


def cause_label(name: str) -> Text:
    """The words for a cause as sweeps count it (``timeout``); the name itself when it is a newer one."""
    try:
        return MissCause[name.upper()].label
    except KeyError:
        return name


def status_of_slug(slug: str) -> Status | None:
    """The status that an address names, if any."""
    return next((value for value, word in STATUS.items() if word.slug == slug), None)


def reason_of_slug(slug: str) -> Reason | None:
    """The reason that an address names, if any."""
    return next((value for value, word in REASON.items() if word.slug == slug), None)


def cause_of_slug(slug: str) -> MissCause | None:
    """The cause of a miss that an address names, if any."""
    try:
        return MissCause[slug.upper().replace("-", "_")]
    except KeyError:
        return None
