"""Routes of the reads."""

from django.urls import path

from traders.api import views

urlpatterns = [
    path("symbols", views.SymbolListView.as_view()),
    path("symbols/<path:symbol>/feed", views.SymbolFeedView.as_view()),
    path("traders/top", views.TraderRankingView.as_view()),
    path("traders/<str:lead_id>", views.TraderView.as_view()),
    path("traders/<str:lead_id>/positions", views.TraderPositionsView.as_view()),
    path("traders/<str:lead_id>/events", views.TraderEventsView.as_view()),
    path("traders/<str:lead_id>/history", views.TraderHistoryView.as_view()),
]
