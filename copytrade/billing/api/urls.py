"""Routes of plans."""

from django.urls import path

from copytrade.billing.api import views

urlpatterns = [
    path("api/plans/", views.PlanListView.as_view()),
]
