"""What a copy does when its leader closes, by what its account holds then and by what is under way beside it."""

import pytest

from replication.engine import deciding
from replication.engine.blocks import Block
from replication.engine.deciding import IN_DOUBT
from replication.tests.deciding_kit import decide_exit, follower_of, signal_of
from replication.tests.planner_kit import D, terms_of
from replication.vocabulary import PositionWord, Reason

PAUSED = Block(Reason.ACCOUNT_PAUSED, "The account does not trade: On holiday.", stops_exits=True)
HALF = Block(Reason.TRADING_HALTED, "Trading is halted: drill.", stops_exits=False)
SIDES = pytest.mark.parametrize("way", [1, -1])


def told(decided):
    return decided.decision.state, decided.decision.code


@SIDES
def test_it_closes_what_it_holds_and_writes_nothing_off(way):
    decided = decide_exit(follower_of(way * D(1)))

    assert (decided.decision.state, decided.decision.quantity, decided.true_quantity) == ("planned", D(1), None)


@SIDES
def test_what_its_owner_closed_is_written_off_on_either_side(way):
    decided = decide_exit(follower_of(way * D(1), closable=D("0.4")))

    assert (decided.decision.quantity, decided.true_quantity) == (D("0.4"), way * D("0.4"))
    assert decided.decision.message == ""
    held = {"held_by_copy": str(way), "held_by_account": str(way * D("0.4"))}
    assert decided.decision.numbers == held


def test_where_what_its_owner_left_is_too_small_to_close_it_says_so():
    decided = decide_exit(follower_of(1, closable=D("0.0004")), "0.5")

    assert told(decided) == ("skipped", "ACCUMULATED")
    assert "is below the smallest order" in decided.decision.message
    assert decided.decision.numbers.keys() > {"held_by_copy", "held_by_account"}


def test_nothing_is_written_off_while_an_order_of_the_copy_is_under_way():
    decided = decide_exit(follower_of(1, closable=D("0.4"), state={"earlier_order_open": True}))

    assert told(decided) == ("waiting", "EARLIER_ORDER_OPEN")
    assert decided.true_quantity is None


def test_an_order_of_its_own_is_named_before_those_of_others():
    follower = follower_of(1, closable=D("0.4"), unbooked=True, state={"earlier_order_open": True})

    assert decide_exit(follower).decision.message == "An earlier order of the copy in BTCUSDT is not final yet."


@SIDES
def test_it_waits_for_a_trade_that_is_stored_where_the_account_holds_less(way):
    decided = decide_exit(follower_of(way * D(1), closable=D("0.4"), unbooked=True))

    assert told(decided) == ("waiting", "EARLIER_ORDER_OPEN")
    assert decided.decision.message == "A trade of this position is stored and not booked yet."
    assert decided.true_quantity is None


@SIDES
@pytest.mark.parametrize(("leaving", "state"), [("0.5", "planned"), ("0.6", "waiting")])
def test_it_waits_for_another_copy_only_where_both_want_the_same(way, leaving, state):
    follower = follower_of(way * D(1), closable=D("1.5"), others_under_way=True, others_leaving=D(leaving))

    assert decide_exit(follower).decision.state == state


def test_what_an_owner_closes_elsewhere_by_hand_is_not_waited_for():
    assert decide_exit(follower_of(), closed_by_hand={(2, 8), (3, 7)}).decision.state == "planned"
    assert decide_exit(follower_of(), closed_by_hand={(2, 7)}).decision.state == "waiting"


def test_while_an_account_may_not_send_what_is_held_waits_and_what_is_not_is_over():
    assert told(decide_exit(follower_of(1), block=PAUSED)) == ("waiting", "ACCOUNT_PAUSED")
    opening = follower_of(0, state={"earlier_order_open": True})
    assert told(decide_exit(opening, block=PAUSED)) == ("waiting", "ACCOUNT_PAUSED")
    assert told(decide_exit(follower_of(0), block=PAUSED)) == ("skipped", "NOTHING_HELD")


def test_what_keeps_entries_only_keeps_no_exit():
    assert decide_exit(follower_of(1), block=HALF).decision.state == "planned"


def test_what_waits_forgets_nothing_that_is_owed():
    owing = follower_of(1, state={"remainder": D("-0.2")})

    assert decide_exit(owing, block=PAUSED).decision.remainder == D("-0.2")


def test_a_reduction_that_is_tried_again_closes_what_it_owes_and_no_more():
    owing = follower_of(1, state={"remainder": D("-0.2")})

    assert decide_exit(owing, "0.5", attempt=2).decision.quantity == D("0.2")
    assert decide_exit(owing, "0.5", attempt=1).decision.quantity == D("0.6")
    assert decide_exit(owing, 1, attempt=2).decision.quantity == D(1)


def test_a_close_that_is_tried_again_closes_all_though_nothing_is_owed():
    assert decide_exit(follower_of(1), attempt=2).decision.quantity == D(1)


@pytest.mark.parametrize("remainder", ["0", "0.2"])
def test_a_reduction_that_owes_nothing_any_more_is_not_tried_again(remainder):
    follower = follower_of(1, closable=D("0.4"), state={"remainder": D(remainder)})

    decided = decide_exit(follower, "0.5", attempt=2)

    assert told(decided) == ("skipped", "NOTHING_HELD")
    assert decided.decision.message == "What was left to close was closed meanwhile."
    assert decided.true_quantity == D("0.4")


def test_a_reduction_that_is_tried_again_waits_for_an_earlier_order():
    follower = follower_of(1, state={"earlier_order_open": True})

    assert told(decide_exit(follower, "0.5", attempt=2)) == ("waiting", "EARLIER_ORDER_OPEN")


@pytest.mark.parametrize("inverted", [True, False])
def test_a_position_is_closed_on_its_own_side_though_the_copy_was_turned_round_since(inverted):
    decided = decide_exit(follower_of(-1, terms=terms_of(inverted=inverted)))

    assert (decided.decision.side, decided.decision.orders[0].side) == (PositionWord.SHORT, "BUY")


def test_what_is_in_doubt_is_said_beside_whatever_else_is_said():
    doubtful = signal_of(numbers={"in_doubt": True})

    closes = decide_exit(follower_of(1), signal=doubtful).decision
    nothing = decide_exit(follower_of(1, closable=D(0)), signal=doubtful).decision
    small = decide_exit(follower_of("0.0004"), signal=doubtful).decision

    assert (closes.message, closes.numbers) == (IN_DOUBT, {"in_doubt": True})
    assert nothing.numbers["in_doubt"] is True
    assert small.message.endswith(f"0.001. {IN_DOUBT}")
    assert small.numbers.keys() == {"in_doubt", "held", "step"}


@SIDES
def test_an_exit_that_nobody_can_decide_about_waits_and_owes_what_it_owed(monkeypatch, way):
    def stumbles(*_):
        raise ArithmeticError

    monkeypatch.setattr(deciding, "plan_at", stumbles)
    decided = decide_exit(follower_of(way * D(1), state={"remainder": D("-0.2")}))

    assert told(decided) == ("waiting", "TERMS_INCOMPLETE")
    assert decided.market is not None
    assert (decided.decision.exits, decided.decision.remainder) == (True, D("-0.2"))
    assert decided.decision.side == ("LONG" if way > 0 else "SHORT")


def test_an_entry_that_nobody_can_decide_about_is_skipped_on_the_side_that_the_copy_would_take(monkeypatch):
    monkeypatch.setattr(deciding, "plan_at", None)

    decided = decide_exit(follower_of(0, terms=terms_of(inverted=True)), signal=signal_of(action="OPEN"))

    assert told(decided) == ("skipped", "TERMS_INCOMPLETE")
    assert (decided.decision.exits, decided.decision.side) == (False, "SHORT")
