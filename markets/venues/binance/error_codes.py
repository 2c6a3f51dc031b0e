"""Binance's error codes, sorted by what they mean (data)."""

from collections.abc import Mapping

from markets.venues.errors import RejectReason as Reason

# Wrong, revoked, restricted or inactive keys; -1022 is a signature made with another secret.
AUTHENTICATION = frozenset({-1002, -1022, -2008, -2014, -2015, -2017, -4109})
# The request was too old, or ahead of the venue's clock, when it was read: it did nothing.
EXPIRED_REQUEST = frozenset({-1021, -4188, -5028})
# "Request throttled by system-level protection": refused for certain.
BUSY = frozenset({-1008})
# Something is changing over at the venue just now.
PASSING = frozenset({-4531, -5043})
UNKNOWN_OUTCOME = frozenset({-1000, -1006, -1007})
DUPLICATE = frozenset({-4111, -4116})

FILTERS: Mapping[str, Reason] = {
    "PRICE_FILTER": Reason.PRICE_FILTER,
    "PERCENT_PRICE": Reason.PRICE_BAND,
    "PERCENT_PRICE_BY_SIDE": Reason.PRICE_BAND,
    "LOT_SIZE": Reason.LOT_SIZE,
    "MARKET_LOT_SIZE": Reason.LOT_SIZE,
    "NOTIONAL": Reason.MIN_NOTIONAL,
    "MIN_NOTIONAL": Reason.MIN_NOTIONAL,
    "MAX_POSITION": Reason.POSITION_LIMIT,
    "MAX_NUM_ORDERS": Reason.TOO_MANY_OPEN_ORDERS,
    "MAX_NUM_ALGO_ORDERS": Reason.TOO_MANY_OPEN_ORDERS,
    "EXCHANGE_MAX_NUM_ORDERS": Reason.TOO_MANY_OPEN_ORDERS,
    "EXCHANGE_MAX_NUM_ALGO_ORDERS": Reason.TOO_MANY_OPEN_ORDERS,
}

# The matching engine of the spot market has one code for all, and tells them apart by text.
MESSAGES: tuple[tuple[str, Reason], ...] = (
    ("insufficient balance", Reason.INSUFFICIENT_BALANCE),
    ("Market is closed", Reason.MARKET_CLOSED),
    ("would trigger immediately", Reason.WOULD_TRIGGER),
    ("would immediately match and take", Reason.POST_ONLY_WOULD_TAKE),
    ("Unknown order sent", Reason.UNKNOWN_ORDER),
    ("not permitted for this account", Reason.ACCOUNT_RESTRICTED),
    ("restricted for this account", Reason.ACCOUNT_RESTRICTED),
    ("disabled on this account", Reason.ACCOUNT_RESTRICTED),
    ("may not place or cancel orders", Reason.ACCOUNT_RESTRICTED),
    ("trading is not enabled", Reason.ACCOUNT_RESTRICTED),
    ("not supported for this symbol", Reason.BAD_PARAMETERS),
    ("Invalid price", Reason.PRICE_FILTER),
    ("Invalid quantity", Reason.LOT_SIZE),
)

ANYWHERE: Mapping[int, Reason] = {
    **dict.fromkeys(
        (-1013, -1014, -1020, *range(-1106, -1099), -1111, *range(-1120, -1113), -1125, -1127, -1128, -1130, -1131),
        Reason.BAD_PARAMETERS,
    ),
    -1112: Reason.NOT_FILLED,
    -1121: Reason.UNKNOWN_SYMBOL,
    -1122: Reason.MARKET_CLOSED,
    -2011: Reason.UNKNOWN_ORDER,
    -2013: Reason.UNKNOWN_ORDER,
}

SPOT: Mapping[int, Reason] = {
    -2016: Reason.MARKET_CLOSED,
    -2026: Reason.UNKNOWN_ORDER,
    -2039: Reason.UNKNOWN_ORDER,
}

FUTURES: Mapping[int, Reason] = {
    -2018: Reason.INSUFFICIENT_BALANCE,
    -2019: Reason.INSUFFICIENT_MARGIN,
    -2020: Reason.NOT_FILLED,
    -2021: Reason.WOULD_TRIGGER,
    -2022: Reason.REDUCE_ONLY_REFUSED,
    -2023: Reason.ACCOUNT_RESTRICTED,
    -2024: Reason.REDUCE_ONLY_REFUSED,
    -2025: Reason.TOO_MANY_OPEN_ORDERS,
    -2026: Reason.BAD_PARAMETERS,
    -2027: Reason.POSITION_LIMIT,
    -2028: Reason.LEVERAGE_REFUSED,
    **dict.fromkeys((-4001, -4002, -4013, -4014), Reason.PRICE_FILTER),
    **dict.fromkeys((-4003, -4004, -4005, -4023), Reason.LOT_SIZE),
    **dict.fromkeys((-4016, -4024, -4131), Reason.PRICE_BAND),
    **dict.fromkeys((-4015, -4021, -4031, -4120, -4135, -4137, -4138), Reason.BAD_PARAMETERS),
    -4028: Reason.LEVERAGE_REFUSED,
    -4045: Reason.TOO_MANY_OPEN_ORDERS,
    **dict.fromkeys((-4046, -4059), Reason.UNCHANGED),
    **dict.fromkeys((-4047, -4048, -4067, -4068), Reason.EXPOSURE_OPEN),
    **dict.fromkeys((-4060, -4061), Reason.POSITION_SIDE_MISMATCH),
    **dict.fromkeys((-4062, -4118), Reason.REDUCE_ONLY_REFUSED),
    **dict.fromkeys((-4087, -4400, -4401), Reason.ONLY_REDUCING),
    **dict.fromkeys((-4088, -4192, -4402, -4403), Reason.ACCOUNT_RESTRICTED),
    **dict.fromkeys((-4140, -4141), Reason.MARKET_CLOSED),
    -4142: Reason.WOULD_TRIGGER,
    -4164: Reason.MIN_NOTIONAL,
    **dict.fromkeys((-4202, -4203, -4205, -4206, -4208, -4209), Reason.LEVERAGE_REFUSED),
    -5021: Reason.NOT_FILLED,
    -5022: Reason.POST_ONLY_WOULD_TAKE,
    **dict.fromkeys((-5025, *range(-5041, -5036)), Reason.BAD_PARAMETERS),
}
