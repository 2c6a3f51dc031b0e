"""An XTS server as IIFL runs it, on loopback: login, orders, books, socket and market data, with its habits and faults.

In a test, on a thread of its own:

    with IiflSimulator() as exchange:
        account = exchange.account(balance="1000000")
        exchange.price("RELIANCE", "2460")
        exchange.fault("drop_after", method="POST", path="/interactive/orders")
        ...

In a process of its own: `python -m tests.simulators.iifl --port 0 --accounts 500 --latency 50-150` prints one line of
JSON (`url`, `accounts`); `IiflSimulator.connect(url)` has the same methods. SIGTERM ends it.

What it imitates: one session for each key, of which a second login ends the first; acknowledgements before the
exchange has decided; "no data" as an error; numbers as texts with commas, empty or "NaN"; three ways to write a time;
accounts with the algo flag; dealers who act for clients; books that learn of an order late; both shapes of positions;
gateways that answer in HTML after the order has arrived.
"""

from tests.simulators.iifl.face import ApiAccount, ControlFailed, IiflSimulator

__all__ = ["ApiAccount", "ControlFailed", "IiflSimulator"]
