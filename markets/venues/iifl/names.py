"""Our client order ids as XTS takes them: at most 20 letters and digits (pure)."""

import hashlib
import re

SHORT = re.compile(r"[A-Za-z0-9]{1,20}", re.ASCII)
LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
LENGTH = 20


def unique_identifier(client_order_id: str) -> str:
    """Return the identifier of an order at XTS: the id itself where it fits, else 20 characters that follow from it."""
    if SHORT.fullmatch(client_order_id):
        return client_order_id
    number = int.from_bytes(hashlib.blake2b(client_order_id.encode(), digest_size=16).digest())
    written = ""
    for _ in range(LENGTH):
        number, digit = divmod(number, len(LETTERS))
        written += LETTERS[digit]
    return written
