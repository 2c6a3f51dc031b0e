"""The parts of the Binance simulator; `tests.simulators.binance` is its public face.

Where neither the documentation nor a recording says what Binance does, this is assumed:

- A reduce-only order that is larger than its position fills as far as the position goes and then expires.
- The order that a conditional order places has its client id.
- The retired listen keys of the spot market are answered with 410.
- A plain order with closePosition is refused with -4136.
- Isolated positions are margined like crossed ones; nothing is liquidated, and there is no funding.
"""
