"""A master, a watched leader and their followers in short words, and all that may happen to them by chance."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from django.db.models import F, Sum

from copytrade.lib.errors import ApplicationError
from orders.executor.checking import orders_check
from orders.models import HaltMode, HaltScope, Holding, Order, Origin, TradingAccount, TradingHalt
from orders.services.halts import halt_create, halt_lift
from orders.services.placing import order_write, orders_place
from orders.tasks import sweep as orders_sweep
from orders.tests.conftest import make_live_account
from replication.engine.collecting import signals_collect
from replication.engine.planning import signal_plan_chunk
from replication.engine.running import fan_out, sweep
from replication.models import Copy, CopyIntent, CopyPosition, LeaderAccount
from replication.services.copies import (
    copy_change,
    copy_funds_move,
    copy_pause,
    copy_position_close,
    copy_resume,
    copy_stop,
)
from replication.services.protecting import copies_protect
from replication.services.retrying import decision_retry
from replication.tests.kit import PRICE, VENUE, D, follow, paper_account, price_is
from replication.tests.unruly_venue import UnrulyVenue
from replication.tests.watched_kit import did, holds, moment, push, watched
from tests.factories import make_leader, make_market, make_staff
from tests.payloads import iso
from traders.models import LeaderStatus

TERMS: tuple[dict[str, Any], ...] = (
    {"strategy": "FIXED_RATIO", "ratio": D("0.37"), "minimum_policy": "accumulate"},
    {"strategy": "FIXED_RATIO", "ratio": D(2), "inverted": True, "max_exposure": D(15_000)},
    {"strategy": "PERCENTAGE", "percentage": D(1), "allocated": D(100_000)},
    {"strategy": "FIXED_QUANTITY", "fixed_quantity": D("0.05"), "max_slippage_percent": D(1)},
    {"strategy": "FIXED_AMOUNT", "fixed_amount": D(3_000), "max_symbol": D(9_000), "allocated": D(20_000)},
    {
        "strategy": "MULTIPLIER_TIERS",
        "tiers": ({"from": "0", "multiplier": "0.3"}, {"from": "5000", "multiplier": "1"}),
    },
    {"strategy": "EQUITY_PROPORTIONAL", "max_order": D(4_000)},
)
EVENTS = ("leads", "leads", "leads", "trades", "trades", "tell", "moves_on", "fans_out", "sweeps", "dies")
RARE = ("pause", "resume", "close", "stop", "funds", "change", "halt", "lift", "retry", "protect", "late")
STEP = D("0.001")


class Everything:
    """What happens is drawn from one seed."""

    def __init__(self, venue: UnrulyVenue, seed: int) -> None:
        self.chance, self.venue, self.staff = Random(seed), venue, make_staff()
        self.markets = [make_market(venue=slug) for slug in ("fake", VENUE)]
        venue.chance, venue.often = self.chance, 0.35
        self.account = live()
        self.master = make_leader(
            platform="house", external_id="1", user=self.account.user, status=LeaderStatus.APPROVED
        )
        LeaderAccount.objects.create(account=self.account, trader=self.master)
        self.watched, self.size, self.untold = watched(raw={"marginBalance": "20000"}), D(0), list[dict[str, Any]]()
        self.tell_prices()
        shared = live()
        for account in (shared, live(hedge_mode=True), paper_account()):
            follow(self.master, account, **self.terms())
        for account in (shared, live(), paper_account()):
            follow(self.watched, account, **self.terms())

    def terms(self) -> dict[str, Any]:
        return {"ratio": None, "max_signal_age_seconds": 900, **self.chance.choice(TERMS)}

    def happens(self) -> None:
        """Let one thing happen; what a person may not do just now is refused."""
        self.tell_prices()
        what = self.chance.choice(EVENTS if self.chance.random() < 0.75 else RARE)
        with suppress(ApplicationError):
            getattr(self, what)()

    def settle(self) -> None:
        """Let the venue behave and everybody be served, for as long as it takes."""
        self.venue.often = 0.0
        self.lift()
        for _ in range(8):
            for name in self.venue.resting():
                self.venue.move_on(name, to_the_end=True)
            self.late()
        self.tell()
        self.late()
        copies_protect()

    def go_flat(self) -> None:
        """Let both leaders close all."""
        if held := self.held():
            self.trade(-held)
        if self.size:
            self.watched_moves(-self.size)
        self.tell()

    def tell_prices(self) -> None:
        for market in self.markets:
            price_is(market=market)

    def held(self) -> Decimal:
        return Holding.objects.filter(account=self.account).aggregate(sum=Sum("quantity"))["sum"] or D(0)

    def wanted(self, held: Decimal) -> Decimal:
        """Return what a leader who holds so much buys, or sells."""
        way, size = -1 if held < 0 else 1, self.chance.randint(20, 300) * STEP
        part = abs(held) * self.chance.randint(1, 3) / 4 // STEP * STEP
        return self.chance.choice([way * size, -way * part, -held, -held - way * size]) or size

    def trade(self, signed: Decimal, **values: Any) -> None:
        order = order_write(
            **{
                "account": self.account,
                "market": self.markets[0],
                "origin": Origin.MASTER,
                "side": "BUY" if signed > 0 else "SELL",
                "type": "MARKET",
                "quantity": abs(signed),
                "send_within": timedelta(minutes=1),
                **values,
            }
        )
        orders_place([order.pk])

    def watched_moves(self, signed: Decimal) -> None:
        side, other = ("SHORT", "LONG") if signed < 0 else ("LONG", "SHORT")
        closed = min(abs(self.size), abs(signed)) if self.size * signed < 0 else D(0)
        parts = [(f"CLOSE_{other}", closed), (f"OPEN_{side}", abs(signed) - closed)]
        self.untold += [did(kind, amount) | {"eventTime": iso(moment(0))} for kind, amount in parts if amount]
        self.size += signed

    def leads(self) -> None:
        limited = {"type": "LIMIT", "price": PRICE, "time_in_force": "GTC"}
        self.trade(self.wanted(self.held()), **(limited if self.chance.random() < 0.3 else {}))
        fan_out()

    def trades(self) -> None:
        self.watched_moves(self.wanted(self.size))
        if self.chance.random() < 0.6:
            self.tell()

    def tell(self) -> None:
        events, self.untold = self.untold, []
        side = "LONG" if self.size > 0 else "SHORT"
        push(self.watched, *events, positions=[holds(self.size, side=side)] if self.size else [])
        fan_out()

    def moves_on(self) -> None:
        for name in self.venue.resting():
            self.venue.move_on(name, to_the_end=False)
        orders_check(list(Order.objects.exclude(check_at=None).values_list("pk", flat=True)))

    def fans_out(self) -> None:
        fan_out()

    def sweeps(self) -> None:
        orders_sweep()
        sweep()

    def dies(self) -> None:
        """Plan, and die before anything is sent."""
        signals_collect()
        signal_plan_chunk()

    def late(self) -> None:
        """Let ten minutes pass for what waits."""
        past = timedelta(minutes=10)
        times = ("claimed_at", "absent_since", "check_at", "send_after")
        Order.objects.exclude(check_at=None).update(**{name: F(name) - past for name in times})
        Order.objects.filter(state="PENDING").update(send_after=F("send_after") - past)
        CopyIntent.objects.filter(state="waiting").update(updated_at=F("updated_at") - past)
        self.sweeps()

    def pause(self) -> None:
        copy_pause(copy=self.copy(), actor=self.staff)

    def resume(self) -> None:
        copy_resume(copy=self.copy(), actor=self.staff)

    def stop(self) -> None:
        if self.chance.random() < 0.3:
            copy_stop(copy=self.copy(), close=self.chance.random() < 0.7, actor=self.staff)

    def close(self) -> None:
        if positions := list(CopyPosition.objects.exclude(quantity=0).order_by("pk")):
            copy_position_close(position=self.chance.choice(positions), actor=self.staff)

    def funds(self) -> None:
        copy_funds_move(copy=self.copy(), amount=self.chance.choice([D(5_000), D(-3_000)]), actor=self.staff)

    def change(self) -> None:
        terms = self.chance.choice(TERMS)
        copy_change(
            copy=self.copy(), changes={name: terms[name] for name in terms.keys() - {"allocated"}}, actor=self.staff
        )

    def halt(self) -> None:
        mode = self.chance.choice([HaltMode.ALL, HaltMode.REDUCE_ONLY])
        halt_create(scope=HaltScope.GLOBAL, mode=mode, reason="A test", actor=self.staff)

    def lift(self) -> None:
        for halt in TradingHalt.objects.filter(lifted_at=None):
            halt_lift(halt=halt, actor=self.staff)

    def retry(self) -> None:
        if failed := CopyIntent.objects.filter(state="failed").order_by("pk").first():
            decision_retry(intent=failed, actor=self.staff)

    def protect(self) -> None:
        copies_protect()

    def copy(self) -> Copy:
        return self.chance.choice(list(Copy.objects.order_by("pk")))


def live(**values: Any) -> TradingAccount:
    return make_live_account(equity=D(1_000_000), equity_asset="USDT", **values)
