"""Routes of the order proxy."""

from django.urls import path

from orders.api.binance import views

urlpatterns = [
    path("api/binance/spot/order", views.SpotOrderView.as_view()),
    path("api/binance/spot/orders", views.SpotOrdersView.as_view()),
    path("api/binance/futures/order", views.FuturesOrderView.as_view()),
    path("api/binance/futures/orders", views.FuturesOrdersView.as_view()),
    path("api/binance/order", views.OlderSpotOrderView.as_view()),
]
