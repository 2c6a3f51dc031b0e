"""Errors as Binance answers them: `{"code": <negative>, "msg": <text>}` with an HTTP status."""

from collections.abc import Mapping

TEXTS: Mapping[int, str] = {
    -1001: "Internal error; unable to process your request. Please try again.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: (
        "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. Please try again."
    ),
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1111: "Precision is over the maximum defined for this asset.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1120: "Invalid interval.",
    -1121: "Invalid symbol.",
    -1125: "This listenKey does not exist.",
    -1128: "Combination of optional parameters invalid.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2019: "Margin is insufficient.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -2025: "Reach max open order limit.",
    -4001: "Price less than 0.",
    -4002: "Price greater than max price.",
    -4003: "Quantity less than or equal to zero.",
    -4004: "Quantity less than min quantity.",
    -4005: "Quantity greater than max quantity.",
    -4013: "Price less than min price.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id is not valid.",
    -4023: "Qty not increased by step size.",
    -4045: "Reach max stop order limit.",
    -4046: "No need to change margin type.",
    -4047: "Margin type cannot be changed if there exists open orders.",
    -4048: "Margin type cannot be changed if there exists position.",
    -4059: "No need to change position side.",
    -4060: "Invalid position side.",
    -4061: "Order's position side does not match user's setting.",
    -4067: "Position side cannot be changed if there exists open orders.",
    -4068: "Position side cannot be changed if there exists position.",
    -4116: "ClientOrderId is duplicated.",
    -4120: "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    -4135: "Invalid activation price.",
    -4137: "Quantity must be zero with closePosition equals true.",
    -4138: "Reduce only must be true with closePosition equals true.",
    -5021: "Due to the order could not be filled immediately, the FOK order has been rejected.",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected.",
}
UNAUTHORIZED = {-2014, -2015}


class Refusal(Exception):
    """A request that is answered with an error; `headers` go out with it."""

    def __init__(
        self, code: int, message: str | None = None, *, status: int = 0, headers: Mapping[str, str] | None = None
    ) -> None:
        self.code = code
        self.message = TEXTS[code] if message is None else message
        self.status = status or (401 if code in UNAUTHORIZED else 400)
        self.headers = dict(headers or {})
        super().__init__(f"{code} {self.message}")

    def body(self) -> dict[str, int | str]:
        """Return the JSON object of the answer."""
        return {"code": self.code, "msg": self.message}


def missing(name: str) -> Refusal:
    """Return the refusal of a request without a mandatory parameter."""
    return Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def not_required(name: str) -> Refusal:
    """Return the refusal of a parameter that has no place here."""
    return Refusal(-1106, f"Parameter '{name}' sent when not required.")


def invalid(name: str) -> Refusal:
    """Return the refusal of a value outside its range."""
    return Refusal(-1130, f"Data sent for parameter '{name}' is not valid.")


def rejected(message: str) -> Refusal:
    """Return the refusal of an order by the matching engine of the spot market."""
    return Refusal(-2010, message)


def filtered(name: str) -> Refusal:
    """Return the refusal by one of the filters of a spot symbol."""
    return Refusal(-1013, f"Filter failure: {name}")
