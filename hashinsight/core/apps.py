from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "hashinsight.core"
    label = "core"
    verbose_name = _("Core")

    def ready(self) -> None:
        """Set the grants whenever tables may have changed."""
        from hashinsight.core import grants

        post_migrate.connect(grants.apply, sender=self, dispatch_uid="core.grants")
