"""Routes of the pages."""

from django.urls import include, path

from copytrade.web import plans, views

urlpatterns = [
    path("", views.home, name="home"),
    path("plans/", plans.plans, name="plans"),
    path("", include("copytrade.accounts.urls")),
    path("", include("traders.urls")),
]
