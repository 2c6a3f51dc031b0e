"""Routes of people."""

from django.urls import path

from replication.api import people

urlpatterns = [
    path("api/users/register", people.RegisterView.as_view()),
    path("api/users/me", people.MeView.as_view()),
    path("api/users/me/master", people.LeadView.as_view()),
]
