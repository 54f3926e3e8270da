"""How allauth behaves here: nobody signs up by themselves; people are invited by the host."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Closes the open sign-up of allauth."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: accounts are made by the host."""
        return False
