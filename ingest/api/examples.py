"""Examples for the schema."""

LEAD_ID = "4681698170884314113"
FETCHED_AT = "2026-02-05T00:05:00.000Z"

NORMALISED_PUSH = {
    "leadId": LEAD_ID,
    "fetchedAt": FETCHED_AT,
    "positions": [
        {
            "platform": "binance",
            "leadId": LEAD_ID,
            "symbol": "BTCUSDT",
            "contractType": "PERP",
            "side": "SHORT",
            "leverage": 120,
            "size": -0.108,
            "sizeAsset": "BTC",
            "entryPrice": 86232.48,
            "markPrice": 72469.7,
            "marginUSDT": 65.22,
            "marginType": "CROSS",
            "pnlUSDT": 1486.38,
            "roePct": 2278.93,
            "fetchedAt": FETCHED_AT,
        }
    ],
    "events": [
        {
            "platform": "binance",
            "leadId": LEAD_ID,
            "eventTimeText": "02-04, 22:52:35",
            "eventType": "OPEN_LONG",
            "symbol": "HYPEUSDT",
            "price": 35.005,
            "amount": 25.36,
            "amountAsset": "HYPE",
            "realizedPnl": None,
            "fetchedAt": FETCHED_AT,
            "event_key": f"binance|{LEAD_ID}|OPEN_LONG|HYPEUSDT|02-04, 22:52:35|25.36|35.005",
        }
    ],
}
RAW_PUSH = {
    "leadId": LEAD_ID,
    "fetchedAt": FETCHED_AT,
    "portfolioDetail": {"nickname": "Ada", "positionShow": True},
    "activePositions": [
        {
            "symbol": "BTCUSDT",
            "positionAmount": "-0.020",
            "entryPrice": "86232.47857539",
            "markPrice": "66517.20000000",
            "leverage": 120,
            "isolated": False,
            "positionSide": "SHORT",
            "unrealizedProfit": "394.30557150",
            "notionalValue": "-1330.34400000",
        }
    ],
    "orderHistory": {
        "total": 1,
        "allOrders": [
            {
                "symbol": "BTCUSDT",
                "baseAsset": "BTC",
                "quoteAsset": "USDT",
                "side": "BUY",
                "type": "MARKET",
                "positionSide": "SHORT",
                "executedQty": 0.019,
                "avgPrice": 68098.7,
                "totalPnl": 344.54179293,
                "orderUpdateTime": 1770249600000,
                "orderTime": 1770249600000,
            }
        ],
    },
}
STORED = {
    "success": True,
    "data": {
        "leadId": LEAD_ID,
        "positionsInserted": 1,
        "eventsInserted": 1,
        "eventsSkipped": 0,
        "symbolsAggregated": 2,
        "traderScore": 50,
    },
    "meta": {"outcome": "stored", "positionsClosed": 0},
}
