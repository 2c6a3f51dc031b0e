"""What fills add up to."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from orders.accounting import (
    AdjustmentFact,
    FillFact,
    Position,
    Terms,
    book,
    book_all,
    entry_price,
    in_order,
    unrealized_pnl,
    value_of,
)

D = Decimal
START = datetime(2026, 1, 1, tzinfo=UTC)
USD_M = Terms(D(1), inverse=False, tracks_shorts=True, base_asset="BTC", settlement_asset="USDT")
COIN_M = Terms(D(100), inverse=True, tracks_shorts=True, base_asset="BTC", settlement_asset="BTC")
SPOT = Terms(D(1), inverse=False, tracks_shorts=False, base_asset="BTC", settlement_asset="USDT")


def trade(number, side, quantity, price, fee="0", asset="USDT"):
    moment = START + timedelta(seconds=number)
    return FillFact(moment, str(1000 + number), side == "BUY", D(price), D(quantity), D(fee), asset)


def test_a_long_that_is_closed_realises_the_difference():
    position = book_all(USD_M, [trade(1, "BUY", "2", "100"), trade(2, "SELL", "2", "110")])

    assert (position.quantity, position.cost, position.realized_pnl, position.opened_at) == (D(0), D(0), D(20), None)


def test_a_short_gains_when_the_price_falls():
    position = book_all(USD_M, [trade(1, "SELL", "2", "100"), trade(2, "BUY", "1", "90")])

    assert (position.quantity, position.realized_pnl, entry_price(USD_M, position)) == (D(-1), D(10), D(100))
    assert unrealized_pnl(USD_M, position, D(95)) == 5


def test_a_flip_closes_the_one_side_and_opens_the_other_at_the_same_price():
    position = book_all(USD_M, [trade(1, "BUY", "1", "100"), trade(2, "SELL", "3", "120")])

    assert (position.quantity, position.realized_pnl, entry_price(USD_M, position)) == (D(-2), D(20), D(120))


def test_inverse_contracts_settle_in_the_coin():
    position = book_all(COIN_M, [trade(1, "BUY", "10", "50000"), trade(2, "SELL", "10", "62500")])

    assert position.realized_pnl == D("0.02") - D("0.016")


def test_the_entry_of_inverse_contracts_is_their_harmonic_mean():
    position = book_all(COIN_M, [trade(1, "BUY", "1", "40000"), trade(2, "BUY", "1", "60000")])

    assert round(entry_price(COIN_M, position) or D(0), 12) == 48000


def test_spot_takes_its_fee_out_of_the_coins():
    position = book_all(SPOT, [trade(1, "BUY", "1", "100", "0.001", "BTC")])

    assert (position.quantity, position.fees, position.cost) == (D("0.999"), D("0.1"), D("99.9"))


def test_a_fee_in_coins_leaves_at_the_price_at_which_it_is_counted():
    bought = book_all(SPOT, [trade(1, "BUY", "1", "100", "0.001", "BTC"), trade(2, "BUY", "1", "200", "0.001", "BTC")])
    sold = book(SPOT, bought, trade(3, "SELL", "1.997", "300", "0.001", "BTC"))

    assert (bought.quantity, bought.fees, bought.cost) == (D("1.998"), D("0.3"), D("299.7"))
    assert (sold.quantity, sold.cost, sold.realized_pnl - sold.fees) == (D(0), D(0), D("1.997") * 300 - 300)


def test_selling_coins_that_were_not_bought_here_realises_nothing_and_holds_nothing():
    position = book_all(SPOT, [trade(1, "BUY", "1", "100"), trade(2, "SELL", "3", "150")])

    assert (position.quantity, position.realized_pnl) == (D(0), D(50))


def test_fees_in_another_asset_are_kept_apart():
    position = book_all(
        USD_M, [trade(1, "BUY", "1", "100", "0.01", "BNB"), trade(2, "SELL", "1", "100", "0.02", "BNB")]
    )

    assert (position.fees, position.other_fees) == (D(0), {"BNB": D("0.03")})


def test_an_adjustment_sets_the_position_and_leaves_the_results():
    facts = [trade(1, "BUY", "1", "100"), trade(2, "SELL", "0.5", "120")]
    adjusted = AdjustmentFact(START + timedelta(seconds=3), "~1", D(2), D(300))

    position = book_all(USD_M, [*facts, adjusted, trade(4, "SELL", "2", "160")])

    assert (position.quantity, position.realized_pnl) == (D(0), D(30))


def opened(*facts, terms=USD_M):
    moment = book_all(terms, facts).opened_at
    return moment and (moment - START).seconds


def test_a_position_is_as_old_as_its_first_trade_until_it_is_closed_or_turned():
    first, more = trade(1, "BUY", "1", "100"), trade(2, "BUY", "1", "100")

    assert (opened(first), opened(first, more), opened(first, more, trade(3, "SELL", "1", "9"))) == (1, 1, 1)
    assert (opened(first, trade(3, "SELL", "1", "9")), opened(first, trade(3, "SELL", "2", "9"))) == (None, 3)


def test_an_adjustment_keeps_the_age_of_what_is_held_and_ends_what_is_not():
    first = trade(1, "BUY", "1", "100")
    more, none = (AdjustmentFact(START + timedelta(seconds=2), "~1", D(held), D(held)) for held in (2, 0))

    assert (opened(more), opened(first, more), opened(first, none)) == (2, 1, None)


def test_what_nobody_knows_the_cost_of_has_no_price_of_entry():
    assert entry_price(USD_M, Position()) is None
    assert entry_price(USD_M, Position(quantity=D(2))) is None
    assert entry_price(COIN_M, Position(quantity=D(2))) is None


def test_fees_in_the_asset_that_it_settles_in_are_summed_up():
    facts = [trade(1, "BUY", "1", "100", "0.01"), trade(2, "SELL", "1", "100", "0.02"), trade(3, "BUY", "1", "100")]

    assert (book_all(USD_M, facts).fees, book_all(USD_M, facts).realized_pnl) == (D("0.03"), D(0))


def test_only_spot_takes_fees_out_of_coins_and_only_those_in_its_own_coin():
    bought = trade(1, "BUY", "1", "100", "0.001", "BTC")
    other = book_all(SPOT, [trade(1, "BUY", "1", "100", "0.001", "BNB")])

    for position, asset in ((book_all(USD_M, [bought]), "BTC"), (other, "BNB")):
        assert (position.quantity, position.cost, position.fees) == (D(1), D(100), D(0))
        assert position.other_fees == {asset: D("0.001")}


def test_the_cost_of_coins_that_a_fee_takes_is_their_part_of_all():
    position = book_all(SPOT, [trade(1, "BUY", "1", "100"), trade(2, "BUY", "3", "100", "0.8", "BTC")])

    assert (position.quantity, position.cost, position.fees) == (D("3.2"), D(320), D(80))
    assert position.opened_at == START + timedelta(seconds=1)


def test_a_fee_takes_no_more_coins_than_are_held():
    for fee in ("0.1", "0.2"):
        position = book_all(SPOT, [trade(1, "BUY", "1", "100"), trade(2, "SELL", "0.9", "100", fee, "BTC")])
        assert (position.quantity, position.cost, position.opened_at) == (D(0), D(0), None)


def test_trades_of_one_moment_are_in_the_order_of_their_numbers():
    moments = [FillFact(START, number, True, D(1), D(1), D(0), "USDT") for number in ("10", "9", "100")]

    assert [fact.venue_trade_id for fact in in_order(moments)] == ["9", "10", "100"]


def test_a_value_is_rounded_to_the_nearest_where_columns_end():
    assert value_of(COIN_M, D(1), D(3)) == D("33." + "3" * 28)
    assert value_of(COIN_M, D(2), D(3)) == D("66." + "6" * 27 + "7")


def test_inverse_contracts_have_no_value_at_no_price():
    assert value_of(COIN_M, D(1), D(0)) == 0


quantities = st.decimals(min_value="0.001", max_value=50, places=3)
prices = st.decimals(min_value=1, max_value=100_000, places=2)
trades = st.lists(st.tuples(st.sampled_from(["BUY", "SELL"]), quantities, prices), min_size=1, max_size=15)


def facts_of(rows):
    return [trade(number, side, quantity, price) for number, (side, quantity, price) in enumerate(rows)]


@given(trades, prices)
def test_money_is_conserved(rows, last):
    """What came in, went out and is still held at some price is what was won."""
    position = book_all(USD_M, facts_of(rows))
    with localcontext(prec=60):
        cash = sum((q * p if side == "SELL" else -q * p) for side, q, p in rows)
        won = position.realized_pnl + unrealized_pnl(USD_M, position, last)

        assert abs(won - (cash + position.quantity * last)) <= len(rows) * D(1).scaleb(-27)


@given(trades, prices)
def test_money_is_conserved_where_fees_are_taken_out_of_the_coins(rows, last):
    facts = [trade(n, "BUY", q, p, q / 1000, "BTC") for n, (_, q, p) in enumerate(rows)]
    position = book_all(SPOT, facts)
    with localcontext(prec=60):
        paid = sum(q * p for _, q, p in rows)
        won = position.realized_pnl - position.fees + unrealized_pnl(SPOT, position, last)

        assert abs(won - (position.quantity * last - paid)) <= len(rows) * D(1).scaleb(-27)


@given(trades, prices)
def test_coins_are_conserved_on_inverse_markets(rows, last):
    position = book_all(COIN_M, facts_of(rows))
    with localcontext(prec=60):
        coins = sum((-1 if side == "SELL" else 1) * value_of(COIN_M, q, p) for side, q, p in rows)
        won = position.realized_pnl + unrealized_pnl(COIN_M, position, last)

        assert abs(won - (coins - value_of(COIN_M, position.quantity, last))) <= (len(rows) + 2) * D(1).scaleb(-27)


@given(quantities, prices, prices, st.integers(min_value=1, max_value=7))
def test_closing_in_parts_realises_what_closing_at_once_does(quantity, entry, out, parts):
    part = (quantity / parts).quantize(D("0.0001"))
    pieces = [part] * (parts - 1)
    pieces.append(quantity - sum(pieces))
    opened = book(USD_M, Position(), trade(0, "BUY", quantity, entry))

    at_once = book(USD_M, opened, trade(1, "SELL", quantity, out))
    in_parts = book_all(USD_M, [trade(1 + n, "SELL", piece, out) for n, piece in enumerate(pieces) if piece], opened)

    assert at_once.realized_pnl == in_parts.realized_pnl
    assert in_parts.quantity == in_parts.cost == 0


@given(trades, st.randoms(use_true_random=False))
def test_the_order_in_which_facts_are_given_does_not_matter(rows, chance):
    facts = facts_of(rows)
    shuffled = list(facts)
    chance.shuffle(shuffled)

    assert book_all(USD_M, shuffled) == book_all(USD_M, facts)


@given(trades, st.integers(min_value=0, max_value=15))
def test_booking_on_comes_to_the_same_as_booking_all(rows, cut):
    facts = facts_of(rows)

    assert book_all(USD_M, facts[cut:], book_all(USD_M, facts[:cut])) == book_all(USD_M, facts)


@given(trades)
def test_spot_never_holds_less_than_nothing(rows):
    assert book_all(SPOT, facts_of(rows)).quantity >= 0


@given(trades)
def test_nothing_held_costs_nothing(rows):
    for terms in (USD_M, COIN_M, SPOT):
        position = book_all(terms, facts_of(rows))
        assert (position.quantity == 0) == (position.cost == 0 and position.opened_at is None)
