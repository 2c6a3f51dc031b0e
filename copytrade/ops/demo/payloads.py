"""What a scraper would post about a leader of the demo world, in the raw and in the normalised form (pure)."""

from decimal import Decimal
from typing import Any

import msgspec

from copytrade.lib.wire import iso_time, to_milliseconds
from copytrade.ops.demo.leaders import LONG, Fill, Holding, Leader
from copytrade.ops.demo.market import INSTRUMENTS
from ingest.event_time import event_time_text
from ingest.identity import seed_event_key
from ingest.report import BINANCE

CENT = Decimal("0.01")
_json = msgspec.json.Encoder(decimal_format="number")


def payload(leader: Leader) -> bytes:
    """Return the body that reports a leader as of now, with all fills that were not reported yet."""
    body = _normalised(leader) if leader.persona.normalised else _raw(leader)
    return _json.encode({"leadId": leader.persona.external_id, "fetchedAt": iso_time(leader.until), **body})


def _raw(leader: Leader) -> dict[str, Any]:
    shown = () if leader.persona.hides_positions else leader.holdings.values()
    newest_first = reversed(leader.fills)
    return {
        "timeRange": "30D",
        "portfolioDetail": _detail(leader),
        "activePositions": [_raw_position(leader, holding) for holding in shown],
        "orderHistory": {"total": len(leader.fills), "allOrders": [_raw_order(fill) for fill in newest_first]},
    }


def _detail(leader: Leader) -> dict[str, Any]:
    persona = leader.persona
    margin = (leader.balance + leader.unrealized()).quantize(CENT)
    return {
        "leadPortfolioId": persona.external_id,
        "nickname": persona.nickname,
        "description": persona.words,
        "status": "ACTIVE",
        "futuresType": "UM",
        "initInvestAsset": "USDT",
        "marginBalance": str(margin),
        "positionShow": not persona.hides_positions,
    }


def _raw_position(leader: Leader, holding: Holding) -> dict[str, Any]:
    mark = leader.market.prices[holding.symbol]
    size = _signed(holding)
    mode = "BOTH" if leader.persona.one_way else holding.side
    return {
        "id": f"0_{holding.symbol}_{mode}",
        "symbol": holding.symbol,
        "collateral": "USDT",
        "positionAmount": str(size),
        "entryPrice": str(holding.entry),
        "markPrice": str(mark),
        "leverage": leader.persona.leverage,
        "isolated": leader.persona.isolated,
        "positionSide": mode,
        "unrealizedProfit": str(holding.result(holding.amount, mark)),
        "notionalValue": str(size * mark),
    }


def _raw_order(fill: Fill) -> dict[str, Any]:
    moment = to_milliseconds(fill.at)
    return {
        "symbol": fill.symbol,
        "baseAsset": INSTRUMENTS[fill.symbol].asset,
        "quoteAsset": "USDT",
        "side": "BUY" if fill.buy else "SELL",
        "type": "MARKET",
        "positionSide": fill.position_side,
        "executedQty": fill.amount,
        "avgPrice": fill.price,
        "totalPnl": fill.result,
        "orderUpdateTime": moment,
        "orderTime": moment,
    }


def _normalised(leader: Leader) -> dict[str, Any]:
    return {
        "positions": [_position(leader, holding) for holding in leader.holdings.values()],
        "events": [_event(leader.persona.external_id, fill) for fill in leader.fills],
    }


def _position(leader: Leader, holding: Holding) -> dict[str, Any]:
    persona, mark = leader.persona, leader.market.prices[holding.symbol]
    margin = (holding.amount * mark / persona.leverage).quantize(CENT) or CENT
    pnl = holding.result(holding.amount, mark).quantize(CENT)
    return {
        "platform": BINANCE,
        "symbol": holding.symbol,
        "contractType": "PERP",
        "side": holding.side,
        "leverage": persona.leverage,
        "size": _signed(holding),
        "sizeAsset": INSTRUMENTS[holding.symbol].asset,
        "entryPrice": holding.entry,
        "markPrice": mark,
        "marginUSDT": margin,
        "marginType": "ISOLATED" if persona.isolated else "CROSS",
        "pnlUSDT": pnl,
        "roePct": (pnl / margin * 100).quantize(CENT),
    }


def _event(lead_id: str, fill: Fill) -> dict[str, Any]:
    """Return a fill; its exact time goes along, since the zone of the text is the installation's choice."""
    opens = fill.buy == (fill.position_side == LONG)
    kind = f"{'OPEN' if opens else 'CLOSE'}_{fill.position_side}"
    text = event_time_text(fill.at)
    return {
        "platform": BINANCE,
        "eventTimeText": text,
        "eventTime": to_milliseconds(fill.at),
        "eventType": kind,
        "symbol": fill.symbol,
        "price": fill.price,
        "amount": fill.amount,
        "amountAsset": INSTRUMENTS[fill.symbol].asset,
        "realizedPnl": None if opens else fill.result,
        "event_key": seed_event_key(
            lead_id=lead_id, kind=kind, symbol=fill.symbol, time_text=text, amount=fill.amount, price=fill.price
        ),
    }


def _signed(holding: Holding) -> Decimal:
    return holding.amount if holding.side == LONG else -holding.amount
