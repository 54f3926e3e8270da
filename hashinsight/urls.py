"""The map of the installation."""

from django.urls import include, path

from hashinsight.backoffice.sites import backoffice_urls
from hashinsight.web.events import events

urlpatterns = [
    path("", include("hashinsight.overview.urls")),
    path("", include("hosting.telemetry.urls")),
    path("fleet/", include("hosting.fleet.urls")),
    path("events/", events, name="events"),
    path("accounts/", include("allauth.account.urls")),
    path("backoffice/", backoffice_urls()),
]

handler500 = "hashinsight.web.views.server_error"
