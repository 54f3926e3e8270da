"""Make a host and its owner: the first thing in a new installation."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, transaction

from hashinsight.accounts.choices import OrganizationKind, Role
from hashinsight.accounts.services import create_organization, create_person
from hashinsight.core.errors import DomainError


class Command(BaseCommand):
    """Create the host and its owner in one transaction."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Names; the password is never an argument, since process lists show those."""
        parser.add_argument("--name", required=True, help="the host's name")
        parser.add_argument("--owner", required=True, help="the owner's e-mail address")

    def handle(self, *args: Any, name: str, owner: str, **options: Any) -> None:
        """Ask for the password (or read one line from standard input) and create both."""
        password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            validate_password(password)
            with transaction.atomic():
                host = create_organization(actor=None, kind=OrganizationKind.HOST, name=name)
                create_person(
                    actor=None,
                    email=owner,
                    name=owner.partition("@")[0],
                    password=password,
                    organization=host,
                    role=Role.OWNER,
                )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        except DomainError as error:
            raise CommandError(str(error)) from None
        except IntegrityError:
            raise CommandError(f"A host called {name!r} exists already. Choose another name.") from None
        self.stdout.write(f"{host.name}: {owner} may sign in.")
