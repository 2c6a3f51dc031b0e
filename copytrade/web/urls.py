"""Routes of the pages."""

from django.urls import include, path

from copytrade.web import views

urlpatterns = [
    path("", views.home, name="home"),
    path("", include("traders.urls")),
]
