"""Addresses of sites and miners."""

from django.urls import path, re_path

from hosting.telemetry.views import miners, sites

app_name = "telemetry"
urlpatterns = [
    path("sites/<slug:public_id>/", sites.site, name="site"),
    path("sites/<slug:public_id>/heatmap.json", sites.heatmap, name="heatmap"),
    path("sites/<slug:public_id>/miners/", miners.miners, name="site_miners"),
    re_path(
        r"^sites/(?P<public_id>[-\w]+)/claims/(?P<claim_id>[-\w]+)/(?P<decision>confirm|dismiss)/$",
        sites.decide_claim,
        name="decide_claim",
    ),
    path("miners/", miners.miners, name="miners"),
    path("miners/<slug:public_id>/", miners.miner, name="miner"),
    path("miners/<slug:public_id>/history.json", miners.history, name="history"),
]
