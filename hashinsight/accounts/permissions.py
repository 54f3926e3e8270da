"""Who may do what: the one table from which groups, pages and the back office are derived."""

from __future__ import annotations

from typing import Final

from hashinsight.accounts.choices import OrganizationKind, Role

VIEW_FLEET: Final = "fleet.view"
IMPORT_FLEET: Final = "fleet.import"
CONFIRM_IDENTITY: Final = "fleet.confirm_identity"
USE_BACKOFFICE: Final = "backoffice.use"
MANAGE_PEOPLE: Final = "people.manage"
VIEW_AUDIT: Final = "audit.view"

STAFF_ROLES: Final = frozenset({Role.OWNER, Role.ADMIN, Role.USER})

ROLE_ACTIONS: Final[dict[str, frozenset[str]]] = {
    Role.OWNER: frozenset(
        {VIEW_FLEET, IMPORT_FLEET, CONFIRM_IDENTITY, USE_BACKOFFICE, MANAGE_PEOPLE, VIEW_AUDIT}
    ),
    Role.ADMIN: frozenset(
        {VIEW_FLEET, IMPORT_FLEET, CONFIRM_IDENTITY, USE_BACKOFFICE, MANAGE_PEOPLE, VIEW_AUDIT}
    ),
    Role.USER: frozenset({VIEW_FLEET, IMPORT_FLEET, CONFIRM_IDENTITY, USE_BACKOFFICE}),
    Role.CLIENT: frozenset({VIEW_FLEET}),
    Role.GUEST: frozenset(),
}

# Staff roles exist only inside a host; a customer's or partner's people are clients or guests.
ROLES_OF_KIND: Final[dict[str, frozenset[str]]] = {
    OrganizationKind.HOST: frozenset({Role.OWNER, Role.ADMIN, Role.USER, Role.GUEST}),
    OrganizationKind.CUSTOMER: frozenset({Role.CLIENT, Role.GUEST}),
    OrganizationKind.PARTNER: frozenset({Role.CLIENT, Role.GUEST}),
}


def actions_of(role: str) -> frozenset[str]:
    """The actions that ``role`` allows; none for an unknown role."""
    return ROLE_ACTIONS.get(role, frozenset())
