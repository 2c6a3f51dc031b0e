"""An order's body, read: Binance's names and ours, exact digits, and everything that is wrong by its name."""

import json
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given as properties
from hypothesis import settings
from hypothesis import strategies as st

from copytrade.lib.errors import InvalidInput, MalformedJson
from copytrade.lib.structs import Problems
from orders.proxy.parameters import PARAMETERS, Family, Form, snake_case
from orders.proxy.reading import Given, read_parameters

SPOT, FUTURES = Family.SPOT, Family.FUTURES


def read(body: str | bytes, family: Family = FUTURES) -> Given:
    problems = Problems()
    given = read_parameters(body.encode() if isinstance(body, str) else body, family, problems)
    problems.refuse_if_any()
    return given


def refusals(body: str, family: Family = FUTURES) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        read(body, family)
    return {problem["path"]: problem["message"] for problem in refused.value.details["errors"]}


@pytest.mark.parametrize("family", Family)
def test_every_parameter_is_known_by_binances_name_and_by_snake_case(family):
    for parameter in PARAMETERS[family].values():
        assert {parameter.name, snake_case(parameter.name)} <= set(parameter.names)
    spellings = [name for parameter in PARAMETERS[family].values() for name in parameter.names]
    assert len(spellings) == len(set(spellings))


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("client_order_id", "newClientOrderId"),
        ("clientAlgoId", "newClientOrderId"),
        ("order_type", "type"),
        ("trigger_price", "stopPrice"),
        ("activate_price", "activationPrice"),
        ("activatePrice", "activationPrice"),
        ("market_type", "marketType"),
        ("account_id", "account"),
    ],
)
def test_other_spellings_mean_the_same_parameter(spelling, name):
    texts = {"type": "LIMIT", "marketType": "coin_m", "account": "7"}
    value = texts.get(name, "12")

    assert str(read(f'{{"{spelling}": "{value}"}}').values[name]) == value


@pytest.mark.parametrize("written", ["0.1", '"0.1"', "1e-1", '"0.10"', "0.1000"])
def test_amounts_are_read_from_their_own_digits(written):
    assert read(f'{{"quantity": {written}}}').amount("quantity") == Decimal("0.1")


def test_digits_that_no_float_holds_are_kept():
    assert read('{"price": 86232.123456789012345678}').amount("price") == Decimal("86232.123456789012345678")


@pytest.mark.parametrize(
    "written", ["0", '"0.000"', "-1", '"-1"', '""', '"1e3"', '" 1"', '"NaN"', "null", "true", "[1]"]
)
def test_what_is_no_positive_amount_is_refused(written):
    assert set(refusals(f'{{"quantity": {written}}}')) == {"quantity"}


@pytest.mark.parametrize(
    "written", ["1e400", "1e-400", "1e999999999", "1e-999999999999", "9" * 31, "0." + "0" * 30 + "1"]
)
def test_numbers_that_could_not_be_stored_are_refused(written):
    assert set(refusals(f'{{"quantity": {written}}}')) == {"quantity"}


@pytest.mark.parametrize(
    ("written", "meaning"), [("true", True), ('"true"', True), ('"TRUE"', True), ("false", False), ('"false"', False)]
)
def test_flags_are_booleans_or_their_words_and_false_says_nothing(written, meaning):
    given = read(f'{{"reduceOnly": {written}}}')

    assert given.flag("reduceOnly") is meaning
    assert given.has("reduceOnly") is meaning


@pytest.mark.parametrize("written", ["1", "0", '"yes"', "null", '"True "'])
def test_other_flags_are_refused(written):
    assert refusals(f'{{"reduceOnly": {written}}}') == {"reduceOnly": "write true or false"}


def test_unknown_parameters_are_refused_with_their_names_all_at_once():
    found = refusals('{"symbl": "BTCUSDT", "quantity": 0, "leverage": 5}')

    assert found["symbl"] == found["leverage"] == "is not a parameter of futures orders"
    assert "quantity" in found


def test_parameters_of_the_other_market_say_where_they_belong():
    assert refusals('{"reduceOnly": true}', SPOT) == {"reduceOnly": "is for futures orders only"}
    assert refusals('{"icebergQty": 1}', FUTURES) == {"icebergQty": "is for spot orders only"}


@pytest.mark.parametrize("name", ["timestamp", "signature"])
def test_a_request_that_was_signed_elsewhere_is_refused(name):
    """A signed set of parameters that is signed again would be invalid for ever."""
    assert "signs the request itself" in refusals(f'{{"{name}": "1"}}')[name]


def test_both_spellings_may_say_the_same_but_nothing_different():
    same = read('{"timeInForce": "GTC", "time_in_force": "GTC", "quantity": "1.0", "price": 1}')
    assert same.text("timeInForce") == "GTC"

    assert refusals('{"timeInForce": "GTC", "time_in_force": "IOC"}') == {
        "time_in_force": "says something else than timeInForce, which is the same parameter"
    }


def test_the_same_order_in_another_spelling_is_normalised_the_same():
    first = read('{"newClientOrderId": "a", "quantity": 1.50, "reduceOnly": false, "recvWindow": 5000}')
    second = read('{"client_order_id": "a", "quantity": "1.5", "priceMatch": "NONE"}')

    assert first.normalised() == second.normalised() == {"newClientOrderId": "a", "quantity": "1.5"}


@pytest.mark.parametrize("body", ["", "{", "nothing", '{"a": }', b'{"symbol": "\xff"}'])
def test_what_is_no_json_is_refused_as_such(body):
    with pytest.raises(MalformedJson):
        read(body)


@pytest.mark.parametrize("body", ["[]", "1", '"symbol"', "null"])
def test_what_is_no_object_is_refused(body):
    with pytest.raises(InvalidInput):
        read(body)


@pytest.mark.parametrize(
    ("family", "text", "fine"),
    [
        (SPOT, "n8n-4711_a", True),
        (SPOT, "a:b", False),
        (FUTURES, "a:b/c.D", True),
        (FUTURES, "a b", False),
        (FUTURES, "x" * 36, True),
        (FUTURES, "x" * 37, False),
        (FUTURES, "x\\n", False),
    ],
)
def test_client_order_ids_follow_the_markets_syntax(family, text, fine):
    body = f'{{"newClientOrderId": "{text}"}}'

    if fine:
        assert read(body, family).text("newClientOrderId") == text
    else:
        assert set(refusals(body, family)) == {"newClientOrderId"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from([name for table in PARAMETERS.values() for entry in table.values() for name in entry.names])


@settings(deadline=None)
@properties(st.sampled_from(Family), st.dictionaries(names | st.text(max_size=12), json_values, max_size=8))
def test_no_body_raises_anything_but_refusals(family, members):
    body = json.dumps(members, default=str).encode()
    problems = Problems()

    given = read_parameters(body, family, problems)

    assert set(given.values) <= set(PARAMETERS[family])
    assert all(
        isinstance(
            value, {Form.AMOUNT: Decimal, Form.FLAG: bool, Form.WHOLE: int}.get(PARAMETERS[family][name].form, str)
        )
        for name, value in given.values.items()
    )


@settings(deadline=None)
@properties(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_refusals(body):
    with suppress(InvalidInput, MalformedJson):
        read_parameters(body, SPOT, Problems())


def test_a_name_that_is_written_twice_is_refused():
    doubled = '{"symbol": "BTCUSDT", "symbol": "ETHUSDT", "side": "SELL"}'

    assert refusals(doubled) == {"symbol": "is written twice"}


def test_a_moment_beyond_the_calendar_is_refused():
    assert "goodTillDate" in refusals('{"goodTillDate": 999999999999999999}')
