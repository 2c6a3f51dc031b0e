import time
import pytest
from django.db import connection
from orders.models import TradingAccount, Order
from replication.tests.kit import *
from replication.engine import planning, settling, collecting, vanished
from replication.models import Copy, CopyPosition, CopyIntent
from orders.executor.sending import orders_execute
pytestmark=[pytest.mark.django_db(transaction=True)]
def test_t():
    price_is()
    leader, account = make_master()
    first = follow(leader)
    N=2000
    from copytrade.accounts.models import User
    User.objects.bulk_create([User(username=f"x{i}", email=f"x{i}@e.test", password="!") for i in range(N)])
    users=list(User.objects.filter(username__startswith="x"))
    accs=TradingAccount.objects.bulk_create([TradingAccount(user=u,name="p",venue="binanceusdm",equity=100000,equity_asset="USDT") for u in users])
    cps=[Copy(account=a, trader=leader, ratio=1) for a in accs]
    Copy.objects.bulk_create(cps)
    with connection.cursor() as c: c.execute("ANALYZE")
    for side in ("BUY","SELL"):
        trade(account, side, "0.1")
        t=time.perf_counter(); collecting.signals_collect(); print(side,"collect", time.perf_counter()-t)
        ids=[]; t=time.perf_counter()
        while (p:=planning.signal_plan_chunk()):
            ids+= [i for v in p.orders.values() for i in v]
        print(side,"plan", len(ids), time.perf_counter()-t)
        # pretend filled
        with connection.cursor() as c:
            c.execute("UPDATE orders_order SET state='FILLED', filled_quantity=quantity, booked_quantity=quantity, average_price=50000, updated_at=now(), finished_at=now() WHERE origin='copy' AND state='PENDING'")
            c.execute("INSERT INTO orders_fill (account_id,market_id,order_id,venue_trade_id,side,position_side,price,quantity,quote_quantity,fee,fee_asset,is_maker,time,stored_at,awaits_copy) SELECT account_id,market_id,id,id::text,side,position_side,50000,quantity,quantity*50000,0,'USDT',false,now(),now(),true FROM orders_order WHERE id = ANY(%s)", [ids])
            c.execute("INSERT INTO orders_holding (account_id,market_id,side,quantity,cost,realized_pnl,fees,other_fees,last_trade,updated_at) SELECT account_id,market_id,'BOTH',quantity,quantity*50000,0,0,'{}','',now() FROM orders_order WHERE id=ANY(%s) ON CONFLICT (account_id, market_id, side) DO UPDATE SET quantity=0", [ids])
        t=time.perf_counter()
        for i in range(0,len(ids),500): settling.orders_settle(ids[i:i+500])
        print(side,"settle", time.perf_counter()-t)
        t=time.perf_counter(); settling.orders_settle(); print("settle none", time.perf_counter()-t)
        t=time.perf_counter(); vanished.vanished_signals(); print("vanished", time.perf_counter()-t)
        print(set(CopyIntent.objects.values_list("state","code")))
