"""A venue key is checked before it is stored, is never shown, and can be moved to a new encryption key."""

import json
import threading
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from copytrade.accounts.models import AuditEvent
from markets.venues.base import Credentials, Permissions
from markets.venues.errors import AuthFailed, NotSupported, RateLimited, Rejected, VenueDown
from orders.models import Credential, TradingAccount
from orders.services.accounts import AccountConflict
from orders.services.credentials import credential_keep_unchecked, key_fingerprint, rotate_keys
from orders.tests.fake_venue import fake_venue, make_report
from orders.vault import credentials_of, first_key_id
from tests.factories import make_account, make_user

KEY, SECRET = "vmPUZE6mv9SD5VNHk4HlWFsOr6aK8xQ2", "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP"
BODY = {"key": KEY, "secret": SECRET}


@pytest.fixture
def owner(client, db):
    user = make_user()
    client.force_login(user)
    return user


@pytest.fixture
def account(owner) -> TradingAccount:
    return make_account(user=owner, mode="live")


def put(client: Any, account: TradingAccount, body: Any = BODY) -> Any:
    return client.put(f"/api/accounts/{account.pk}/credentials", body, content_type="application/json")


class TestSaving:
    def test_a_good_key_is_stored_encrypted_and_answered_as_its_last_characters(self, client, account):
        with fake_venue() as venue:
            response = put(client, account, {**BODY, "passphrase": "opensesame"})
        data = response.json()["data"]
        assert (response.status_code, data["hint"], data["can_trade"]) == (200, "…8xQ2", True)
        (_, access) = venue.asked[0]
        assert (access.id, access.credentials.key) == (str(account.key), KEY)
        assert credentials_of([account.pk]) == {account.pk: Credentials(KEY, SECRET, "opensesame")}
        stored = Credential.objects.get()
        assert SECRET.encode() not in bytes(stored.ciphertext)

    def test_no_answer_and_no_audit_event_holds_the_key(self, client, account):
        with fake_venue():
            answers = [put(client, account).content]
        answers += [client.get(path).content for path in ("/api/accounts/", f"/api/accounts/{account.pk}")]
        audit = json.dumps(list(AuditEvent.objects.values("action", "target", "changes", "reason")))
        assert "account.key.save" in audit
        for text in (*[answer.decode() for answer in answers], audit):
            assert KEY not in text
            assert SECRET not in text

    def test_a_second_key_takes_the_place_of_the_first(self, client, account):
        with fake_venue():
            put(client, account)
            put(client, account, {"key": "another-key-77zz", "secret": "s"})
        assert Credential.objects.get().key_hint == "77zz"

    def test_a_good_key_lets_an_account_trade_again_whose_key_was_refused(self, client, account):
        TradingAccount.objects.update(state="auth_failed", state_reason="Invalid API-key")
        with fake_venue():
            put(client, account)
        account.refresh_from_db()
        assert (account.state, account.state_reason) == ("active", "")

    def test_a_paused_account_stays_paused(self, client, account):
        TradingAccount.objects.update(state="paused")
        with fake_venue():
            put(client, account)
        account.refresh_from_db()
        assert account.state == "paused"

    def test_the_account_is_synced_at_once_so_its_hedge_mode_is_known(self, client, account):
        with fake_venue(accounts={"": make_report(hedge_mode=True)}):
            assert put(client, account).status_code == 200
        account.refresh_from_db()
        assert (account.hedge_mode, account.sync_error) == (True, "")
        assert account.synced_at is not None

    def test_a_sync_that_fails_is_told_by_the_account_and_the_key_is_kept(self, client, account):
        with fake_venue(accounts={"": VenueDown("connection refused")}):
            assert put(client, account).status_code == 200
        account.refresh_from_db()
        assert (account.state, account.sync_error) == ("active", "connection refused")
        assert Credential.objects.exists()

    def test_each_is_an_order_of_the_budget_since_the_venue_is_asked_deleting_is_not(self, client, account, settings):
        settings.ORDER_RATE_LIMIT_MAX = 1
        with fake_venue():
            assert [put(client, account).status_code for _ in range(2)] == [200, 429]
        assert client.delete(f"/api/accounts/{account.pk}/credentials").status_code == 200


class TestSharing:
    @pytest.mark.parametrize("own", [True, False])
    def test_two_accounts_at_a_venue_cannot_use_one_key(self, client, owner, account, own):
        other = make_account(mode="live", **({"user": owner} if own else {}))
        credential_keep_unchecked(account=other, credentials=Credentials(KEY, "its-secret"))
        with fake_venue():
            response = put(client, account)
        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (409, "CONFLICT")
        assert error["message"].startswith("Another account at Binance USD-M futures uses this key already")
        assert other.name not in response.content.decode()
        assert Credential.objects.get().account == other

    def test_at_another_venue_it_is_another_wallet(self, client, account):
        other = make_account(mode="live", venue="binance")
        credential_keep_unchecked(account=other, credentials=Credentials(KEY, SECRET))
        with fake_venue():
            assert put(client, account).status_code == 200

    def test_the_key_of_an_account_that_was_closed_or_lost_it_is_free_again(self, client, owner, account):
        first, second = make_account(user=owner, mode="live"), make_account(user=owner, mode="live")
        with fake_venue():
            put(client, first)
            client.delete(f"/api/accounts/{first.pk}")
            put(client, second)
            client.delete(f"/api/accounts/{second.pk}/credentials")
            assert put(client, account).status_code == 200

    def test_who_does_not_hold_the_key_is_not_told_that_it_is_used(self, client, account):
        other = make_account(mode="live")
        credential_keep_unchecked(account=other, credentials=Credentials(KEY, SECRET))
        with fake_venue(rights=AuthFailed("Signature for this request is not valid.")):
            assert put(client, account).json()["error"]["code"] == "VENUE_AUTH_FAILED"

    def test_a_key_of_before_there_were_fingerprints_stays_and_may_be_saved_again(self, client, account):
        with fake_venue():
            put(client, account)
            Credential.objects.update(fingerprint="")
            assert put(client, account).status_code == 200
        assert Credential.objects.get().fingerprint == key_fingerprint(KEY)


class TestRefusing:
    @pytest.mark.parametrize(
        ("rights", "words"),
        [
            (Permissions(read=True, trade=True, withdraw=True), "may withdraw money"),
            (Permissions(read=True, trade=False, withdraw=False), "may not trade"),
            (Permissions(read=False, trade=True, withdraw=False), "may not read"),
        ],
    )
    def test_a_key_with_wrong_rights_is_refused_with_what_to_change(self, client, account, rights, words):
        """PITFALLS 31: keys with withdrawal rights were accepted without a word."""
        with fake_venue(rights=rights):
            response = put(client, account)
        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (400, "VALIDATION_ERROR")
        assert words in error["message"]
        assert "save the key again" in error["message"]
        assert "Binance USD-M futures" in error["message"]
        assert not Credential.objects.exists()

    @pytest.mark.parametrize(
        ("failure", "status", "code"),
        [
            (AuthFailed("Invalid API-key, IP, or permissions.", code="-2015"), 409, "VENUE_AUTH_FAILED"),
            (NotSupported("no such endpoint"), 422, "VENUE_REJECTED"),
            (Rejected("Illegal characters.", code="-1100", status=400), 422, "VENUE_REJECTED"),
            (VenueDown("connection refused"), 503, "VENUE_UNAVAILABLE"),
            (TimeoutError(), 503, "VENUE_UNAVAILABLE"),
            (RateLimited("banned", until=timezone.now() + timedelta(seconds=30)), 429, "VENUE_RATE_LIMITED"),
        ],
    )
    def test_nothing_is_stored_unless_the_venue_says_yes(self, client, account, failure, status, code):
        with fake_venue(rights=failure):
            response = put(client, account)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)
        assert not Credential.objects.exists()

    def test_a_venue_that_cannot_tell_the_rights_is_refused_with_that_reason(self, client, account):
        with fake_venue(rights=NotSupported("kraken cannot")):
            message = put(client, account).json()["error"]["message"]
        assert "does not tell what a key may do, so nobody can see that this one may not withdraw" in message

    def test_a_refused_key_leaves_the_one_before(self, client, account):
        with fake_venue():
            put(client, account)
        with fake_venue(rights=AuthFailed("no")):
            put(client, account, {"key": "another-key-77zz", "secret": "s"})
        assert Credential.objects.get().key_hint == "8xQ2"

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({"key": KEY}, "secret"),
            ({"secret": SECRET}, "key"),
            ({"key": 5, "secret": SECRET}, "key"),
            ({"key": "short", "secret": SECRET}, "key"),
            ({"key": KEY + "\n\0", "secret": SECRET}, "key"),
            ({"key": "ключ-ключ-ключ", "secret": SECRET}, "key"),
            ({"key": KEY, "secret": "   "}, "secret"),
            ({"key": KEY, "secret": SECRET, "pass": "x"}, "pass"),
        ],
    )
    def test_what_is_no_key_never_reaches_the_venue(self, client, account, body, path):
        with fake_venue() as venue:
            response = put(client, account, body)
        assert response.status_code == 400
        assert response.json()["error"]["details"]["errors"][0]["path"] == path
        assert not venue.asked

    @pytest.mark.parametrize("values", [{"mode": "paper"}, {"mode": "live", "state": "closed"}])
    def test_paper_and_closed_accounts_take_no_key(self, client, owner, values):
        with fake_venue() as venue:
            response = put(client, make_account(user=owner, **values))
        assert response.status_code == 409
        assert not venue.asked

    def test_another_users_account_is_not_there(self, client, owner):
        other = make_account(mode="live")
        with fake_venue() as venue:
            assert put(client, other).status_code == 404
            assert client.delete(f"/api/accounts/{other.pk}/credentials").status_code == 404
        assert not venue.asked


class TestDeleting:
    def test_deletes_once_and_again(self, client, account):
        with fake_venue():
            put(client, account)
        for _ in range(2):
            response = client.delete(f"/api/accounts/{account.pk}/credentials")
            assert (response.status_code, response.json()["data"]) == (200, None)
        assert not Credential.objects.exists()
        assert AuditEvent.objects.filter(action="account.key.delete").count() == 1


@pytest.mark.django_db
class TestRotating:
    @pytest.fixture
    def stored(self, settings) -> list[TradingAccount]:
        settings.ENCRYPTION_KEYS = ["an-old-key"]
        accounts = [make_account(mode="live") for _ in range(5)]
        for number, account in enumerate(accounts):
            credential_keep_unchecked(account=account, credentials=Credentials(f"key-number-{number}", "secret"))
        settings.ENCRYPTION_KEYS = ["a-new-key", "an-old-key"]
        return accounts

    def test_moves_everything_to_the_first_key_in_batches(self, stored, settings, monkeypatch):
        monkeypatch.setattr("orders.services.credentials.ROTATION_BATCH", 2)
        output = StringIO()
        call_command("rotate_keys", stdout=output)
        assert output.getvalue().splitlines()[:3] == ["2 re-encrypted", "4 re-encrypted", "5 re-encrypted"]
        settings.ENCRYPTION_KEYS = ["a-new-key"]
        found = credentials_of([account.pk for account in stored])
        assert [found[account.pk].key for account in stored] == [f"key-number-{number}" for number in range(5)]
        assert AuditEvent.objects.filter(action="account.key.rotate").count() == 3

    def test_begun_again_it_goes_on_where_it_ended(self, stored, monkeypatch):
        monkeypatch.setattr("orders.services.credentials.ROTATION_BATCH", 2)
        assert next(rotate_keys()) == (2, 0)
        assert list(rotate_keys()) == [(2, 0), (1, 0)]
        assert list(rotate_keys()) == []
        assert set(Credential.objects.values_list("key_id", flat=True)) == {first_key_id()}

    def test_fills_the_fingerprints_of_keys_from_before_there_were_any(self, stored):
        list(rotate_keys())
        Credential.objects.filter(account=stored[3]).update(fingerprint="")
        assert list(rotate_keys()) == [(1, 0)]
        assert Credential.objects.get(account=stored[3]).fingerprint == key_fingerprint("key-number-3")
        assert list(rotate_keys()) == []

    def test_what_cannot_be_read_is_left_and_reported(self, stored):
        Credential.objects.filter(account=stored[0]).update(key_id="gone")
        with pytest.raises(CommandError, match="1 venue keys cannot be read"):
            call_command("rotate_keys", stdout=StringIO())
        assert Credential.objects.exclude(key_id=first_key_id()).count() == 1

    def test_a_batch_is_as_many_statements_for_five_as_for_one(self, stored, settings):
        with CaptureQueriesContext(connection) as five:
            assert list(rotate_keys()) == [(5, 0)]
        Credential.objects.exclude(account=stored[0]).delete()
        settings.ENCRYPTION_KEYS = ["an-old-key", "a-new-key"]
        with CaptureQueriesContext(connection) as one:
            assert list(rotate_keys()) == [(1, 0)]
        assert len(five) == len(one)


@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_saved_during_a_rotation_is_never_overwritten_by_the_old_one(settings):
    settings.ENCRYPTION_KEYS = ["an-old-key"]
    account = make_account(mode="live")
    credential_keep_unchecked(account=account, credentials=Credentials("the-old-key-1111", "secret"))
    settings.ENCRYPTION_KEYS = ["a-new-key", "an-old-key"]

    def save() -> None:
        credential_keep_unchecked(account=account, credentials=Credentials("the-new-key-2222", "secret"))
        connection.close()

    saver = threading.Thread(target=save)
    saver.start()
    call_command("rotate_keys", stdout=StringIO())
    saver.join()
    assert credentials_of([account.pk])[account.pk].key == "the-new-key-2222"
    assert Credential.objects.get().key_id == first_key_id()


@pytest.mark.django_db(transaction=True)
def test_of_five_accounts_that_take_one_key_at_once_one_gets_it():
    accounts, refused = [make_account(mode="live") for _ in range(5)], []

    def save(account: TradingAccount) -> None:
        try:
            credential_keep_unchecked(account=account, credentials=Credentials(KEY, SECRET))
        except AccountConflict:
            refused.append(account)
        connection.close()

    savers = [threading.Thread(target=save, args=[account]) for account in accounts]
    for saver in savers:
        saver.start()
    for saver in savers:
        saver.join()
    assert (Credential.objects.count(), len(refused)) == (1, 4)
