"""Routes of markets and market data."""

from django.urls import path

from markets.api import binance_views, sync_views, views

urlpatterns = [
    path("api/markets", views.MarketListView.as_view()),
    path("api/markets/active", views.ActiveMarketListView.as_view()),
    path("api/markets/refresh", views.MarketRefreshView.as_view()),
    path("api/markets/<str:market_id>", views.MarketView.as_view()),
    path("api/binance/futures/klines", binance_views.CandlesView.as_view()),
    path("api/binance/futures/markPrice", binance_views.MarkPriceView.as_view()),
    path("api/binance/futures/openInterest", binance_views.OpenInterestView.as_view()),
    path("api/binance/futures/openInterestHist", binance_views.OpenInterestHistoryView.as_view()),
    path("api/admin/sync/now", sync_views.SyncNowView.as_view()),
    path("api/admin/sync/status", sync_views.SyncStatusView.as_view()),
]
