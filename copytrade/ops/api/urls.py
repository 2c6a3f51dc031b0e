"""Routes of health."""

from django.urls import path

from copytrade.ops.api import views

urlpatterns = [
    path("health", views.HealthView.as_view()),
    path("health/ready", views.ReadyView.as_view()),
    path("health/live", views.LiveView.as_view()),
]
