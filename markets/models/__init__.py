"""Markets and what is stored of them."""

from markets.models.candle import Candle, CandleSeries
from markets.models.market import Market
from markets.models.paper import PaperAccount, PaperOrder, PaperPosition, PaperTrade, PaperTransfer, TransferReason
from markets.models.upkeep import MarketRefresh, PriceWatch

__all__ = [
    "Candle",
    "CandleSeries",
    "Market",
    "MarketRefresh",
    "PaperAccount",
    "PaperOrder",
    "PaperPosition",
    "PaperTrade",
    "PaperTransfer",
    "PriceWatch",
    "TransferReason",
]
