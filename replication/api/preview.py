"""What a copy would have done with its leader's last trades."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from copytrade.accounts.permissions import MayRead
from copytrade.lib.api.responses import success
from copytrade.lib.wire import iso_time, plain_digits
from orders.api.answers import sent, shown
from orders.api.bodies import read_body
from orders.api.shapes import amount_or_none
from orders.selectors.accounts import account_get
from replication.api.copies import TAGS, CopiesView
from replication.api.copies_reading import PreviewCopy, leader_of_body, left_open, read_settings
from replication.api.preview_shapes import PreviewAnswer, PreviewedTrade, PreviewInfo, PreviewResult
from replication.facts import Cap
from replication.selectors.masters import leader_get
from replication.services.simulating import SimulatedTrade, Simulation, copy_preview
from replication.terms import CopySettings

EXAMPLE: dict[str, Any] = {
    "trader_id": 3,
    "venue": "binanceusdm",
    "account_id": 7,
    "funds": "1000",
    "trades": [
        {
            "time": "2026-02-04T18:11:08.870Z",
            "action": "OPEN",
            "leader_symbol": "BTCUSDT",
            "leader_side": "LONG",
            "leader_quantity": "0.02",
            "leader_price": "86232.4",
            "fraction": None,
            "symbol": "BTCUSDT",
            "side": "LONG",
            "state": "planned",
            "code": None,
            "message": "Cut from 0.01 to 0.002 of BTCUSDT: one order may be worth 250 USDT at most.",
            "numbers": {},
            "capped": [{"code": "MAX_ORDER", "from": "0.01", "to": "0.002", "limit": "250"}],
            "wanted_quantity": "0.01",
            "quantity": "0.002",
            "worth": "172.4648",
            "asset": "USDT",
            "realized_pnl": "0",
        }
    ],
    "count": 1,
    "copied": 1,
    "capped": 1,
    "skipped": 0,
    "skipped_by_code": {},
    "results": [{"asset": "USDT", "realized_pnl": "0", "unrealized_pnl": "0", "total_pnl": "0"}],
}
BODY = {"trader_id": 3, "strategy": "FIXED_RATIO", "ratio": "0.5", "max_order": "250", "funds": "1000"}


class CopyPreviewView(CopiesView):
    """Thinking a copy through."""

    permission_classes = [MayRead]
    failures = ("404",)

    @extend_schema(
        operation_id="copy_preview",
        summary="What a copy would have done",
        tags=TAGS,
        request=PreviewCopy,
        responses=PreviewAnswer,
        examples=[sent(BODY), shown(EXAMPLE)],
    )
    def post(self, request: Request) -> Response:
        """Return what a copy with these settings would have done with the leader's last 20 trades. Nothing is stored.

        Each is decided about at its own time, as if all orders had filled at the leader's prices, without fees; a
        drawdown that would have ended the copy is not looked for.
        """
        body, user = read_body(request, PreviewCopy), self.user(request)
        simulation = copy_preview(
            user=user,
            trader=leader_get(leader_of_body(body)),
            settings=read_settings(body, CopySettings()),
            account=None if body.account_id is None else account_get(user, body.account_id),
            funds=None if body.funds is None else Decimal(body.funds),
            left_open=left_open(body),
        )
        return success(preview_info(simulation))


def preview_info(simulation: Simulation) -> PreviewInfo:
    """Return the shape of what a copy would have done."""
    account, skipped = simulation.ground.account, simulation.skipped
    return PreviewInfo(
        trader_id=simulation.trader.pk,
        venue=simulation.ground.venue,
        account_id=None if account is None else account.pk,
        funds=amount_or_none(simulation.funds),
        trades=[_trade(trade) for trade in simulation.trades],
        count=len(simulation.trades),
        copied=simulation.copied,
        capped=simulation.capped,
        skipped=sum(skipped.values()),
        skipped_by_code=skipped,
        results=[
            PreviewResult(
                asset=asset,
                realized_pnl=plain_digits(result.realized_pnl),
                unrealized_pnl=plain_digits(result.unrealized_pnl),
                total_pnl=plain_digits(result.realized_pnl + result.unrealized_pnl),
            )
            for asset, result in sorted(simulation.results.items())
        ],
    )


def _trade(trade: SimulatedTrade) -> PreviewedTrade:
    change, decision = trade.led.change, trade.decision
    return PreviewedTrade(
        time=iso_time(change.event_time),
        action=change.action,
        leader_symbol=trade.led.instrument.symbol,
        leader_side=change.side.value,
        leader_quantity=plain_digits(change.quantity),
        leader_price=amount_or_none(change.price),
        fraction=amount_or_none(change.fraction),
        symbol=trade.market.symbol if trade.market else None,
        side=decision.side.value,
        state="planned" if decision.orders else "skipped",
        code=decision.code,
        message=decision.message or None,
        numbers=dict(decision.numbers),
        capped=[_cap(cap) for cap in decision.caps],
        wanted_quantity=amount_or_none(decision.wanted),
        quantity=plain_digits(decision.quantity),
        worth=plain_digits(decision.worth),
        asset=trade.market.quote_asset if trade.market else None,
        realized_pnl=plain_digits(trade.realized_pnl),
    )


def _cap(cap: Cap) -> dict[str, Any]:
    limit = amount_or_none(cap.limit)
    return {"code": cap.code, "from": plain_digits(cap.before), "to": plain_digits(cap.after), "limit": limit}
