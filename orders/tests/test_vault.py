"""Venue keys are encrypted so that nobody but the vault reads them, and only for the account they were stored for."""

import ast
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as configured
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from markets.venues.base import Credentials
from orders.models import Credential, TradingAccount
from orders.vault import CredentialUnreadable, credentials_of, open_sealed, seal
from tests.factories import make_account

KEY = Credentials("the-public-part-8xQ2", "the-secret-part", "the-passphrase")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@examples(deadline=None)
@given(texts, texts, texts)
def test_what_is_sealed_opens_again(key, secret, passphrase):
    account = uuid4()
    credentials = Credentials(key, secret, passphrase)
    assert open_sealed(*seal(credentials, account), account) == credentials


def test_two_records_of_the_same_key_have_nothing_in_common():
    account = uuid4()
    first, second = seal(KEY, account)[0], seal(KEY, account)[0]
    assert first[:12] != second[:12]
    assert first[12:] != second[12:]
    assert b"secret" not in first


def test_a_ciphertext_that_is_moved_to_another_account_does_not_open():
    sealed = seal(KEY, uuid4())
    with pytest.raises(CredentialUnreadable, match="belongs to another account"):
        open_sealed(*sealed, uuid4())


@pytest.mark.parametrize("place", [0, 11, 12, 40, -1])
def test_a_changed_ciphertext_does_not_open(place):
    account = uuid4()
    ciphertext, key_id = seal(KEY, account)
    changed = bytearray(ciphertext)
    changed[place] ^= 1
    with pytest.raises(CredentialUnreadable):
        open_sealed(bytes(changed), key_id, account)


@pytest.mark.parametrize("ciphertext", [b"", b"short", bytes(28)])
def test_what_is_no_ciphertext_does_not_open(ciphertext):
    account = uuid4()
    with pytest.raises(CredentialUnreadable):
        open_sealed(ciphertext, seal(KEY, account)[1], account)


def test_an_error_shows_nothing_of_the_data():
    account = uuid4()
    ciphertext, key_id = seal(KEY, account)
    with pytest.raises(CredentialUnreadable) as caught:
        open_sealed(ciphertext[:-1], key_id, account)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert ciphertext.hex() not in str(caught.value)


def test_old_encryption_keys_still_open_and_the_first_one_seals(settings):
    account = uuid4()
    settings.ENCRYPTION_KEYS = ["an-old-key"]
    sealed = seal(KEY, account)
    settings.ENCRYPTION_KEYS = ["a-new-key", "an-old-key"]
    assert open_sealed(*sealed, account) == KEY
    assert seal(KEY, account)[1] != sealed[1]


def test_without_its_encryption_key_a_record_names_what_is_missing(settings):
    account = uuid4()
    sealed = seal(KEY, account)
    settings.ENCRYPTION_KEYS = ["another-key"]
    with pytest.raises(CredentialUnreadable, match="encryption key is not among those") as caught:
        open_sealed(*sealed, account)
    assert (caught.value.status, caught.value.code) == (409, "VENUE_AUTH_FAILED")


def test_nobody_sees_a_key_by_printing_it():
    assert "8xQ2" not in repr(KEY)
    assert "secret" not in repr(KEY)
    assert "passphrase" not in str([KEY])


@pytest.mark.django_db
class TestStored:
    def make(self, account: TradingAccount, **values: Any) -> Credential:
        ciphertext, key_id = seal(KEY, account.key)
        return Credential.objects.create(
            account=account, **{"ciphertext": ciphertext, "key_id": key_id, "key_hint": "8xQ2", **values}
        )

    def test_the_keys_of_many_accounts_are_one_statement(self):
        accounts = [make_account(mode="live") for _ in range(3)]
        for account in accounts[:2]:
            self.make(account)
        with CaptureQueriesContext(connection) as queries:
            found = credentials_of([account.pk for account in accounts])
        assert found == {accounts[0].pk: KEY, accounts[1].pk: KEY}
        assert len(queries) == 1

    def test_one_that_cannot_be_read_does_not_hide_the_others(self, caplog):
        good, bad = make_account(mode="live"), make_account(mode="live")
        self.make(good)
        self.make(bad, ciphertext=seal(KEY, good.key)[0])
        assert set(credentials_of([good.pk, bad.pk])) == {good.pk}
        assert f"Account {bad.pk}: The stored venue key cannot be read" in caplog.text
        assert "secret-part" not in caplog.text


def test_only_the_vault_decrypts_and_nothing_that_shows_things_asks_it_to():
    root = Path(configured.BASE_DIR)
    apps = [root / name for name in ("copytrade", "markets", "traders", "ingest", "orders", "replication")]
    files = [file for app in apps for file in app.rglob("*.py") if "tests" not in file.parts]
    ciphers: set[str] = set()
    importers: set[str] = set()
    for file in files:
        module = ".".join(file.relative_to(root).with_suffix("").parts)
        names = _imported(ast.parse(file.read_text()))
        if any(name.endswith("AESGCM") for name in names):
            ciphers.add(module)
        if any(name.startswith("orders.vault") for name in names):
            importers.add(module)
    assert ciphers == {"orders.vault"}
    allowed = ("orders.access", "orders.executor.", "orders.services.credentials")
    assert {module for module in importers if not module.startswith(allowed)} == set()


def _imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names
