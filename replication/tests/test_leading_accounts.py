"""Which accounts may lead: none whose trades would be copied twice, or be taken for another position's."""

import pytest

from orders.models import TradingAccount
from replication.models import LeaderAccount
from replication.services.leading import leader_account_add
from replication.services.refusing import CopyConflict
from replication.tests.kit import make_master, paper_account
from tests.factories import make_freshness, make_leader, make_staff

pytestmark = [pytest.mark.django_db(transaction=True)]


def test_not_for_a_leader_whose_trades_are_reported_anyway():
    """Each trade would be copied twice, and all that is copied be closed where the account holds nothing yet."""
    leader, account = make_leader(), paper_account()
    make_freshness(leader)

    with pytest.raises(CopyConflict, match="copied twice"):
        leader_account_add(account=account, trader=leader, actor=make_staff())

    assert not LeaderAccount.objects.exists()


def test_not_at_a_second_venue():
    """Positions of one symbol at two venues are one to copies: a close of the one would close both."""
    leader, _ = make_master()
    staff = make_staff()

    with pytest.raises(CopyConflict, match="another venue"):
        leader_account_add(account=paper_account(venue="binance"), trader=leader, actor=staff)
    leader_account_add(account=paper_account(), trader=leader, actor=staff)

    assert LeaderAccount.objects.filter(trader=leader).count() == 2


def test_not_one_that_hedges_beside_one_that_does_not():
    """Both have a long position of a symbol, which is one to copies: a close of the one would close both."""
    leader, _ = make_master()
    hedging = paper_account()
    TradingAccount.objects.filter(pk=hedging.pk).update(hedge_mode=True)

    with pytest.raises(CopyConflict, match="position mode"):
        leader_account_add(account=hedging, trader=leader, actor=make_staff())

    assert LeaderAccount.objects.filter(trader=leader).count() == 1
