"""Markets that a process knows: read once, read anew after a while, never another one's."""

import pytest

from markets.models import Market
from markets.selectors import known
from markets.selectors.known import markets_forget, markets_known
from tests.factories import make_market

pytestmark = pytest.mark.django_db


def test_a_market_is_read_once(django_assert_num_queries):
    first, second = make_market(), make_market(symbol="ETHUSDT")
    with django_assert_num_queries(1):
        assert markets_known([first.pk]) == {first.pk: first}
    with django_assert_num_queries(1):
        assert markets_known([first.pk, second.pk]) == {first.pk: first, second.pk: second}
    with django_assert_num_queries(0):
        assert markets_known({second.pk, first.pk}).keys() == {first.pk, second.pk}


def test_what_has_changed_is_known_after_a_while(monkeypatch):
    market = make_market()
    markets_known([market.pk])
    Market.objects.filter(pk=market.pk).update(base_asset="XBT")
    assert markets_known([market.pk])[market.pk].base_asset == market.base_asset

    monkeypatch.setattr(known, "KEEP_SECONDS", 0.0)

    assert markets_known([market.pk])[market.pk].base_asset == "XBT"


def test_one_that_is_not_there_is_asked_for_again():
    assert markets_known([1_000_000]) == {}
    market = make_market()
    assert markets_known([market.pk, 1_000_000]).keys() == {market.pk}


def test_all_may_be_forgotten(django_assert_num_queries):
    market = make_market()
    markets_known([market.pk])
    markets_forget()
    with django_assert_num_queries(1):
        markets_known([market.pk])
