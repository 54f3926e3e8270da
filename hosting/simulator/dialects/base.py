"""What the dialects share: status lines, section tables and the layout of single and joined replies.

Source of the protocol facts: cgminer 4.11.1, `API-README` and `api.c`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hosting.simulator.card import Card
from hosting.simulator.view import Row
from hosting.simulator.wire import Request

Section = Callable[[Card, Row, int], str]
"""(card, figures, epoch) -> one complete reply object as JSON text."""


def fields(spec: str) -> str:
    """JSON members as a %-format, from `Key=value; Key=value`: values are JSON or % conversions.

    `%D` is a whole number shown with eight decimals, as cgminer shows difficulties.
    """
    spec = spec.replace("%D", "%d.00000000")
    members = (part.strip().partition("=") for part in spec.split(";") if part.strip())
    return ",".join(f'"{key.replace("%", "%%")}":{value}' for key, _, value in members)


def status(letter: str, when: int, code: int, msg: str, description: str) -> str:
    """The `STATUS` member, list of one; code 14 carries no description in cgminer (given as "")."""
    tail = f',"Description":"{description}"' if description else ""
    return f'"STATUS":[{{"STATUS":"{letter}","When":{when},"Code":{code},"Msg":"{msg}"{tail}}}]'


@dataclass(frozen=True, slots=True)
class Dialect:
    """One firmware family: its report commands, which of them join, and which it refuses with code 45.

    `flat` are commands that answer a flat object (Whatsminer) and never join. `other` gets every command not
    in the tables (writes, `ascset`) and returns a reply object or None for "invalid command".
    """

    name: str
    description: str
    sections: dict[str, Section]
    joinable: frozenset[str]
    denied: frozenset[str] = frozenset()
    invalid_description: str = ""
    other: Callable[[Card, Row, int, Request], str | None] | None = field(default=None)

    def invalid(self, when: int) -> str:
        """Code 14: no such command."""
        return "{" + status("E", when, 14, "Invalid command", self.invalid_description) + ',"id":1}'

    def access_denied(self, command: str, when: int) -> str:
        """Code 45: the command exists, the caller may not use it."""
        msg = f"Access denied to '{command}' command"
        return "{" + status("E", when, 45, msg, self.description) + ',"id":1}'

    def answer(self, card: Card, row: Row, when: int, request: Request) -> str:
        """The JSON reply to a request, without the trailing NUL."""
        if request.error:
            msg = "Invalid JSON" if request.error == 23 else "Missing JSON 'command'"
            return "{" + status("E", when, request.error, msg, self.description) + ',"id":1}'
        if not request.joined:
            return self._single(card, row, when, request)
        if card.switches.joined_refused:
            return self.invalid(when)
        parts = []
        for command in request.commands:
            section = self.sections.get(command)
            if section is not None and command in self.joinable:
                parts.append(f'"{command}":[{section(card, row, when)}]')
            elif section is not None or command in self.denied:
                parts.append(f'"{command}":[{self.access_denied(command, when)}]')
            else:
                parts.append(f'"{command}":[{self.invalid(when)}]')
        return "{" + ",".join(parts) + ',"id":1}'

    def _single(self, card: Card, row: Row, when: int, request: Request) -> str:
        command = request.commands[0]
        section = self.sections.get(command)
        if section is not None:
            return section(card, row, when)
        if command in self.denied or command == "privileged":
            return self.access_denied(command, when)
        if command == "check":
            return self._check(request.parameter, when)
        if self.other is not None:
            reply = self.other(card, row, when, request)
            if reply is not None:
                return reply
        return self.invalid(when)

    def _check(self, parameter: str, when: int) -> str:
        exists = "Y" if parameter in self.sections or parameter in self.denied else "N"
        access = "Y" if parameter in self.sections else "N"
        head = status("S", when, 72, "Check command", self.description)
        return "{" + head + f',"CHECK":[{{"Exists":"{exists}","Access":"{access}"}}],"id":1}}'
