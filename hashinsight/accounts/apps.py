from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "hashinsight.accounts"
    label = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        """Set the groups' permissions whenever models may have changed."""
        from hashinsight.accounts import groups

        post_migrate.connect(groups.apply, sender=self, dispatch_uid="accounts.groups")
