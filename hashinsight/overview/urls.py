"""URLs of the overview."""

from django.urls import path

from hashinsight.overview import views

app_name = "overview"
urlpatterns = [path("", views.home, name="home")]
