"""What exchanges mean by their own codes, where that is more than ccxt's exception says (data).

Sources: the exchanges' lists of error codes. A code that is not here means what ccxt takes it for; one that ccxt does
not know either proves nothing.
"""

from collections.abc import Iterable, Mapping
from enum import Enum, auto

from markets.venues.errors import RejectReason


class Verdict(Enum):
    """What a code proves, beside a refusal."""

    PERHAPS_DONE = auto()  # nothing: the exchange stopped waiting, or the client order id is taken
    NOT_DONE = auto()  # it was not done, and may be sent again
    TOO_OFTEN = auto()  # it was not done: this account alone sends too often
    KEY = auto()  # the key is wrong, or lacks a right


Meaning = RejectReason | Verdict


def _codes(meanings: Iterable[tuple[Meaning, str]]) -> Mapping[str, Meaning]:
    """Return what each code means, from the codes of each meaning, written with a bar between them."""
    return {code: meaning for meaning, codes in meanings for code in codes.split("|")}


BYBIT_CODES = _codes(
    (
        (Verdict.PERHAPS_DONE, "110072|170141"),
        (Verdict.TOO_OFTEN, "10006"),
        (RejectReason.PRICE_BAND, "110003|170132|170193|170194"),
        (RejectReason.PRICE_FILTER, "170133|170134"),
        (RejectReason.LOT_SIZE, "170124|170135|170136|170137"),
        (RejectReason.MIN_NOTIONAL, "110094|170140"),
        (RejectReason.TOO_MANY_OPEN_ORDERS, "110009|110020"),
        (RejectReason.REDUCE_ONLY_REFUSED, "110017"),
        (RejectReason.ONLY_REDUCING, "110023"),
        (RejectReason.POST_ONLY_WOULD_TAKE, "170218"),
        (RejectReason.UNKNOWN_SYMBOL, "170121"),
        (RejectReason.MARKET_CLOSED, "170151"),
        (RejectReason.UNCHANGED, "110043"),
    )
)
# OKX counts requests that are signed by account, others by address.
OKX_CODES = _codes(
    (
        (Verdict.PERHAPS_DONE, "51016"),
        (Verdict.TOO_OFTEN, "50011|50061"),
        (RejectReason.UNKNOWN_SYMBOL, "51001"),
        (RejectReason.PRICE_BAND, "51006|51116|51135|51136|51137|51138"),
        (RejectReason.PRICE_FILTER, "51122"),
        (RejectReason.LOT_SIZE, "51005|51007|51020|51101|51105|51106|51118|51120|51121|51201|51202"),
        (RejectReason.POSITION_LIMIT, "51004|51107|51129"),
        (RejectReason.TOO_MANY_OPEN_ORDERS, "51025|51102|51103|51104|51174"),
        (RejectReason.REDUCE_ONLY_REFUSED, "51023|51112|51134|51169|51170|51205"),
        (RejectReason.NOT_FILLED, "51109"),
        (RejectReason.ACCOUNT_RESTRICTED, "51010"),
    )
)
# ccxt takes 40010 for a wrong signature; Bitget's own list says that the request has timed out.
BITGET_CODES = _codes(
    (
        (Verdict.PERHAPS_DONE, "40010|40910|40786|45034|43118|25212"),
        (Verdict.TOO_OFTEN, "25004|40918"),
        (RejectReason.INSUFFICIENT_MARGIN, "40711|40712|40762|40798|40800|43012|43132|45002|45008"),
        (RejectReason.MIN_NOTIONAL, "43010|43027|43037|45110|45114"),
        (RejectReason.LOT_SIZE, "43006|43007|45111|45112"),
        (RejectReason.PRICE_FILTER, "43028|45035|45115"),
        (RejectReason.PRICE_BAND, "22006|22007|22008|22009|40815|40816|43008|43009|43039|43040"),
        (RejectReason.TOO_MANY_OPEN_ORDERS, "43005|43128|45118"),
        (RejectReason.POSITION_LIMIT, "40921|40928|45113|45116|45120"),
        (RejectReason.REDUCE_ONLY_REFUSED, "22002|40804|40939|43043|45003|45005|45006"),
        (RejectReason.POSITION_SIDE_MISMATCH, "40774|43075|45020|45021|45109"),
        (RejectReason.MARKET_CLOSED, "22004|40844|40845|45043|45119"),
        (RejectReason.ACCOUNT_RESTRICTED, "40022|40023|40916|45107|45108"),
        (RejectReason.UNCHANGED, "40814"),
    )
)
# Kraken writes its codes out. Its limits are those of a key and of an account's orders in one market.
KRAKEN_CODES = _codes(
    (
        (Verdict.PERHAPS_DONE, "EOrder:cl_ord_id already in use"),
        (Verdict.NOT_DONE, "EService:Deadline elapsed"),
        (Verdict.TOO_OFTEN, "EAPI:Rate limit exceeded|EOrder:Rate limit exceeded"),
        (Verdict.KEY, "EAPI:Invalid signature"),
        (RejectReason.UNKNOWN_ORDER, "EOrder:Unknown order|EOrder:Invalid order"),
        (RejectReason.LOT_SIZE, "EOrder:Order minimum not met|EGeneral:Invalid arguments:volume minimum not met"),
        (RejectReason.MIN_NOTIONAL, "EOrder:Cost minimum not met|EGeneral:Invalid arguments:cost minimum not met"),
        (RejectReason.PRICE_FILTER, "EOrder:Tick size check failed|EOrder:Invalid price"),
        (RejectReason.POST_ONLY_WOULD_TAKE, "EOrder:Post only order"),
        (RejectReason.TOO_MANY_OPEN_ORDERS, "EOrder:Orders limit exceeded"),
        (RejectReason.POSITION_LIMIT, "EOrder:Positions limit exceeded"),
        (RejectReason.INSUFFICIENT_MARGIN, "EOrder:Insufficient margin|EOrder:Margin allowance exceeded"),
        (RejectReason.ACCOUNT_RESTRICTED, "EOrder:Trading agreement required|EOrder:Cannot open position"),
    )
)
