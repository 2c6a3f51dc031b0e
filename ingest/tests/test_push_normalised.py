"""Pushing the normalised form."""

import json
import re
from pathlib import Path

import pytest

from ingest.api.examples import NORMALISED_PUSH, STORED
from ingest.models import IngestBatch
from tests.payloads import LEAD, ago, body, event, position
from traders.models import LeadTrader, Position, PositionSnapshot, TradeEvent

pytestmark = pytest.mark.django_db


def test_the_seeds_own_push_answers_with_its_fields(push):
    response = push(NORMALISED_PUSH)

    assert response.status_code == 200
    assert response.json() == STORED


def test_what_was_pushed_can_be_read_back(push, read):
    push(NORMALISED_PUSH)

    assert read(f"/traders/{LEAD}/positions")["data"][0] | {"id": ""} == {
        "id": "",
        "symbol": "BTCUSDT",
        "side": "SHORT",
        "contractType": "PERP",
        "leverage": 120,
        "size": -0.108,
        "sizeAsset": "BTC",
        "entryPrice": 86232.48,
        "markPrice": 72469.7,
        "marginUSDT": 65.22,
        "marginType": "CROSS",
        "pnlUSDT": 1486.38,
        "roePct": 2278.93,
        "fetchedAt": "2026-02-05T00:05:00.000Z",
    }
    assert read("/symbols/HYPEUSDT/feed")["data"] == [
        {
            "eventType": "OPEN_LONG",
            "eventTimeText": "02-04, 22:52:35",
            "eventTime": "2026-02-04T22:52:35.000Z",
            "leadId": LEAD,
            "symbol": "HYPEUSDT",
            "price": 35.005,
            "amount": 25.36,
            "amountAsset": "HYPE",
            "realizedPnl": None,
            "eventKey": f"binance|{LEAD}|OPEN_LONG|HYPEUSDT|02-04, 22:52:35|25.36|35.005",
        }
    ]


def test_numbers_keep_their_own_digits_from_the_body_to_the_answer(push, client):
    digits = "123456789012345678901.000000000000000000000000000001"
    text = json.dumps(body(positions=[position(entryPrice="ENTRY", size="SIZE")]))
    push(text.replace('"ENTRY"', digits).replace('"SIZE"', "4e-7"))

    answer = client.get(f"/traders/{LEAD}/positions").content.decode()

    assert f'"entryPrice":{digits},' in answer
    assert '"size":0.0000004,' in answer


@pytest.mark.parametrize("double", ["0.0068999999999999995", "1.6600000000000002e-05", "-4e-7", "1e21"])
def test_doubles_as_javascript_writes_them_are_taken(push, double):
    text = json.dumps(body(positions=[position(pnlUSDT="PNL")])).replace('"PNL"', double)

    assert push(text).status_code == 200


def test_unknown_members_are_kept_with_their_row(push):
    push(body(positions=[position(liquidationPrice=12.5)], events=[event(orderId="77")], scraper="v2"))

    assert Position.objects.get().raw["liquidationPrice"] == 12.5
    assert TradeEvent.objects.get().raw["orderId"] == "77"
    assert LeadTrader.objects.get().raw == {"scraper": "v2"}


def test_a_time_may_have_any_offset_or_be_in_milliseconds(push, read):
    push(body(fetched_at="2026-02-05T03:05:00.500+03:00", positions=[]))
    assert read(f"/traders/{LEAD}")["data"]["lastReportAt"] == "2026-02-05T00:05:00.500Z"

    push(body(positions=[]) | {"fetchedAt": 1770249960123})
    assert read(f"/traders/{LEAD}")["data"]["lastReportAt"] == "2026-02-05T00:06:00.123Z"


def test_symbols_beyond_latin_letters_and_digits_are_taken(push, read):
    push(body(positions=[position("BTCUSDT_260626"), position("币安人生USDT")]))

    assert {row["symbol"] for row in read("/symbols")["data"]} == {"BTCUSDT_260626", "币安人生USDT"}


def test_every_wrong_field_is_named_with_its_path_and_nothing_is_stored(push):
    wrong = body(
        positions=[position(), position(size="much", side="UP"), {"symbol": "ETHUSDT"}],
        events=[event(price=0, eventTimeText="02-30, 25:00:00"), event(leadId="1", platform="ftx"), 7],
    )

    response = push(wrong)

    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "VALIDATION_ERROR"
    assert {problem["path"] for problem in error["details"]["errors"]} == {
        "positions[1].size",
        "positions[1].side",
        "positions[2].side",
        "positions[2].size",
        "positions[2].entryPrice",
        "events[0].price",
        "events[0].eventTimeText",
        "events[1].leadId",
        "events[1].platform",
        "events[2]",
    }
    assert not LeadTrader.objects.exists()


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"leadId": 4681698170884314113}, "leadId"),
        ({"leadId": ""}, "leadId"),
        ({"leadId": "a b"}, "leadId"),
        ({"leadId": "a\n"}, "leadId"),
        ({"positions": [position(symbol="BTCUSDT\n")]}, "positions[0].symbol"),
        ({"fetchedAt": "2026-02-05T00:05:00"}, "fetchedAt"),
        ({"fetchedAt": "yesterday"}, "fetchedAt"),
        ({"fetchedAt": None}, "fetchedAt"),
        ({"fetchedAt": 10**18}, "fetchedAt"),
        ({"positions": {}}, "positions"),
        ({"events": "none"}, "events"),
        ({"positions": [position(size="NaN")]}, "positions[0].size"),
        ({"positions": [position(entryPrice="Infinity")]}, "positions[0].entryPrice"),
        ({"positions": [position(side="LONG", size=-1)]}, "positions[0].size"),
        ({"positions": [position(symbol="BTC USDT")]}, "positions[0].symbol"),
        ({"positions": [position(size=1), position(size=2)]}, "positions[1]"),
        ({"events": [event(amount=-1)]}, "events[0].amount"),
        ({"events": [event(event_key="")]}, "events[0].event_key"),
        ({"events": [event(eventTimeText=None)]}, "events[0].eventTimeText"),
        ({"events": [event(eventType="BUY")]}, "events[0].eventType"),
    ],
)
def test_a_wrong_field_is_refused_by_its_path(push, members, path):
    response = push(body(positions=[], events=[]) | members)

    assert response.status_code == 400, response.content
    assert [problem["path"] for problem in response.json()["error"]["details"]["errors"]] == [path]


@pytest.mark.parametrize("number", ["1e999999999", "1e31", "0." + "0" * 30 + "1", "9" * 31])
def test_a_number_that_cannot_be_stored_whole_is_refused(push, number):
    text = json.dumps(body(events=[event(price="PRICE")])).replace('"PRICE"', number)

    response = push(text)

    assert response.status_code == 400
    assert "events[0].price" in response.content.decode()


@pytest.mark.parametrize("text", ["", "{", "\x00", '{"leadId": "1",}', "nonsense"])
def test_what_is_not_json_is_malformed(push, text):
    response = push(text)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "MALFORMED_JSON"


@pytest.mark.parametrize("text", ["[]", "7", "null", '"text"'])
def test_json_that_is_no_object_is_refused(push, text):
    response = push(text)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("poison", ['"\\u0000"', '"\\ud800"', "1e400000", "[" * 5000 + "]" * 5000])
def test_an_unknown_member_that_the_database_cannot_hold_is_a_clear_refusal(push, poison):
    text = json.dumps(body(positions=[position(extra="POISON")])).replace('"POISON"', poison)

    response = push(text)

    assert response.status_code == 400, response.content
    assert not LeadTrader.objects.exists()


@pytest.mark.parametrize(
    ("zero", "status"), [("0e-40", 200), ("-0E99999999", 200), ("0e-1001", 400), ("0E-99999999", 400)]
)
def test_a_zero_is_one_unless_it_is_written_with_more_zeros_than_can_be_stored(push, zero, status):
    response = push(json.dumps(body(events=[event(realizedPnl="ZERO")])).replace('"ZERO"', zero))

    assert response.status_code == status
    if status == 400:
        [problem] = response.json()["error"]["details"]["errors"]
        assert problem == {
            "path": "events[0].realizedPnl",
            "message": "has more than 30 digits before the point or 30 behind it",
        }


@pytest.mark.parametrize(
    "failure",
    [
        {"success": False, "code": "11012005", "message": "system busy", "data": None},
        {"code": "200001054", "message": "missing portfolioId", "success": False},
        {"error": {"message": "The service refused the connection"}},
        {"leadId": LEAD, "fetchedAt": "2026-02-05T00:05:00Z", "positions": [], "success": False},
    ],
)
def test_a_forwarded_failure_of_the_source_is_never_read_as_no_positions(push, failure):
    push(body(fetched_at="2026-02-05T00:00:00Z", positions=[position()]))

    response = push(failure)

    assert response.status_code == 422
    assert response.json()["error"]["code"] == "UPSTREAM_ERROR"
    assert Position.objects.count() == 1


def test_a_refused_push_leaves_a_batch_that_tells_why(push):
    push(body(positions=[position(side="UP")]))

    batch = IngestBatch.objects.get()
    assert (batch.outcome, batch.errors[0]["path"]) == ("refused", "positions[0].side")


def test_the_same_body_again_is_answered_with_everything_skipped(push):
    whole = body(positions=[position()], events=[event(), event("CLOSE_LONG", realizedPnl=3)])
    push(whole)

    again = push(whole)

    assert again.status_code == 200
    assert again.json()["data"] | {"traderScore": 0} == {
        "leadId": LEAD,
        "positionsInserted": 0,
        "eventsInserted": 0,
        "eventsSkipped": 2,
        "symbolsAggregated": 0,
        "traderScore": 0,
    }
    assert again.json()["meta"]["outcome"] == "repeated"
    assert (TradeEvent.objects.count(), PositionSnapshot.objects.count()) == (2, 1)


def test_a_fill_that_is_listed_twice_in_one_body_is_stored_once(push):
    answer = push(body(events=[event(), event()])).json()["data"]

    assert (answer["eventsInserted"], answer["eventsSkipped"]) == (1, 1)


def test_the_curl_line_of_the_readme_is_taken_as_it_stands(push):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    payload = re.search(r"curl -X POST .*?-d '(\{.*?\})'", readme, re.DOTALL)
    assert payload is not None

    assert push(payload.group(1)).status_code == 200


def test_a_loss_is_in_the_ranking_at_once(push, read):
    push(body(fetched_at=ago(), events=[event("CLOSE_LONG", realizedPnl=-5)]))

    top = read("/traders/top?range=7d")["data"][0]

    assert (top["realizedPnl"], top["closedTrades"], top["winRate"]) == (-5, 1, 0)
