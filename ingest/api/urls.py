"""Routes of the pushes."""

from django.urls import path

from ingest.api.views import BinanceCopyTradeView

urlpatterns = [path("ingest/binance-copytrade", BinanceCopyTradeView.as_view())]
