"""Accounts: names, passwords, shutting out, and that a stranger learns nothing from them."""

import threading

import pytest

from docchat.db.engine import Database
from docchat.errors import InvalidInput, NotFound
from docchat.server.accounts import Accounts

PASSWORD = "a long enough password"


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database, min_length=12)


def test_the_right_password_signs_in_and_no_other(accounts: Accounts) -> None:
    added = accounts.add(name="Zoë", password=PASSWORD, admin=True)
    assert accounts.verify(name="Zoë", password=PASSWORD) == added
    assert accounts.verify(name="Zoe\u0308", password=PASSWORD) == added  # the same name, composed by another keyboard
    assert accounts.verify(name="Zoë", password=PASSWORD + "x") is None
    assert accounts.verify(name="nobody", password=PASSWORD) is None
    assert accounts.verify(name="Zoë", password="") is None
    assert accounts.verify(name="Zoë", password="x" * 10_000) is None


def test_the_table_holds_a_hash_only(accounts: Accounts, database: Database) -> None:
    accounts.add(name="ann", password=PASSWORD)
    with database.read() as connection:
        row = connection.exec_driver_sql("SELECT * FROM account").one()
    assert PASSWORD not in str(row)
    assert "$argon2id$" in str(row)


@pytest.mark.parametrize(
    ("name", "password", "code"),
    [
        ("", PASSWORD, "bad_name"),
        (" ann", PASSWORD, "bad_name"),
        ("a\nb", PASSWORD, "bad_name"),
        ("a" * 65, PASSWORD, "bad_name"),
        ("taken", PASSWORD, "name_taken"),
        ("ann", "short", "password_short"),
        ("ann", "x" * 1025, "password_long"),
    ],
)
def test_a_bad_name_or_password_is_refused(accounts: Accounts, name: str, password: str, code: str) -> None:
    accounts.add(name="taken", password=PASSWORD)
    with pytest.raises(InvalidInput) as caught:
        accounts.add(name=name, password=password)
    assert caught.value.code == code
    assert len(accounts.list()) == 1


def test_another_password_ends_all_sign_ins(accounts: Accounts) -> None:
    before = accounts.add(name="ann", password=PASSWORD)
    after = accounts.set_password(account_id=before.id, password="another long password")
    assert after.epoch > before.epoch
    assert accounts.verify(name="ann", password=PASSWORD) is None
    assert accounts.verify(name="ann", password="another long password") == after


def test_a_disabled_account_is_shut_out_and_may_come_back(accounts: Accounts) -> None:
    ann = accounts.add(name="ann", password=PASSWORD)
    shut = accounts.set_disabled(account_id=ann.id, disabled=True)
    assert shut.disabled
    assert shut.epoch > ann.epoch
    assert accounts.verify(name="ann", password=PASSWORD) is None
    accounts.set_disabled(account_id=ann.id, disabled=False)
    assert accounts.verify(name="ann", password=PASSWORD) is not None


def test_a_deleted_account_is_unknown(accounts: Accounts) -> None:
    ann = accounts.add(name="ann", password=PASSWORD)
    accounts.delete(account_id=ann.id)
    assert accounts.get(account_id=ann.id) is None
    assert accounts.list() == ()
    with pytest.raises(NotFound):
        accounts.named(name="ann")
    with pytest.raises(NotFound):
        accounts.set_password(account_id=ann.id, password=PASSWORD)


def test_an_unknown_name_costs_as_much_as_a_wrong_password(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    from docchat.server import accounts as module

    accounts.add(name="ann", password=PASSWORD)
    module._nobody()
    compared: list[str] = []
    hasher = module._hasher

    class Counting:
        def verify(self, secret: str, password: str) -> bool:
            compared.append(secret)
            return hasher.verify(secret, password)

    monkeypatch.setattr(module, "_hasher", Counting())
    accounts.verify(name="ann", password="wrong password")
    accounts.verify(name="nobody", password="wrong password")
    parameters = [secret.rpartition("$")[0].rpartition("$")[0] for secret in compared]
    assert len(parameters) == 2
    assert parameters[0] == parameters[1]


def test_two_at_once_cannot_take_one_name(accounts: Accounts) -> None:
    outcomes: list[str] = []

    def add() -> None:
        try:
            accounts.add(name="ann", password=PASSWORD)
            outcomes.append("added")
        except InvalidInput as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["added", "name_taken", "name_taken", "name_taken"]
