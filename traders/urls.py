"""Routes of the leaders' pages; `/traders/` belongs to the API."""

from django.urls import path

from traders import views

urlpatterns = [
    path("leaders/", views.leader_list, name="leader-list"),
    path("leaders/<str:platform>/<path:external_id>/", views.leader_detail, name="leader"),
]
