"""URLs of the fleet."""

from django.urls import path

from hosting.fleet import views

app_name = "fleet"
urlpatterns = [
    path("import/", views.import_page, name="import"),
    path("sites/<slug:site_id>/export.csv", views.export_csv, name="export"),
]
