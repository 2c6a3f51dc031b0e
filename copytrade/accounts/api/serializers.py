"""What people log in with, and what they get."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from copytrade.accounts.tokens import Tokens
from copytrade.lib.errors import InvalidInput
from copytrade.lib.structs import Problems, describe

Texts = TypeVar("Texts", bound=msgspec.Struct)

Login = Annotated[str, msgspec.Meta(min_length=1, max_length=254, description="The username or the email address.")]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, extra_json_schema={"format": "password"})]
Jwt = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class LoginBody(msgspec.Struct):
    """A name and a password, as JSON or as the form of OAuth2's password grant."""

    username: Login
    password: Password


class RefreshBody(msgspec.Struct):
    """A refresh token."""

    refresh_token: Jwt


class PasswordBody(msgspec.Struct):
    """The password that one has, and the one that one wishes."""

    old_password: Password
    new_password: Password


class TokenSet(msgspec.Struct):
    """A pair of tokens; `expires_in` is how many seconds the access token holds."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"]
    expires_in: int


class LoginAnswer(TokenSet):
    """Tokens, flat and not in the envelope, as OAuth2 has it. `access_token` goes into `Authorization: Bearer`."""


class RefreshAnswer(msgspec.Struct):
    """New tokens; the old refresh token is used up."""

    success: Literal[True]
    data: TokenSet


class PasswordAnswer(msgspec.Struct):
    """The tokens of a new login; those of before have ended."""

    success: Literal[True]
    data: TokenSet


class LogoutAnswer(msgspec.Struct):
    """The login has ended."""

    success: Literal[True]
    data: None


def read_texts(data: Any, kind: type[Texts]) -> Texts:
    """Return a struct of texts from a decoded JSON object or form; raises `InvalidInput` with all that is wrong."""
    if not isinstance(data, Mapping):
        raise InvalidInput([{"path": "", "message": "must be an object"}])
    problems, values = Problems(), {}
    for field in msgspec.structs.fields(kind):
        value = data.get(field.name)
        try:
            values[field.name] = text = msgspec.convert(value, field.type)
        except msgspec.ValidationError as error:
            problems.add(field.name, "is missing" if value is None else describe(error))
        else:
            if not _can_be_stored(text):
                problems.add(field.name, "holds characters that are none")
    problems.refuse_if_any()
    return kind(**values)


def token_set(tokens: Tokens) -> TokenSet:
    """Return the tokens as they stand on the wire."""
    return TokenSet(tokens.access, tokens.refresh, "bearer", tokens.expires_in)


def login_answer(tokens: Tokens) -> LoginAnswer:
    """Return the tokens as a login answers them."""
    return LoginAnswer(tokens.access, tokens.refresh, "bearer", tokens.expires_in)


def _can_be_stored(text: str) -> bool:
    """Return whether the text is free of NUL and of halves of characters, which JSON can hold."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
