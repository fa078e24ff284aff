"""Fixtures of the standalone server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask

from docchat.server import accounts as accounts_module
from docchat.server.accounts import Accounts
from docchat.server.app import create_app
from docchat.server.doctor import keys as doctor_keys
from docchat.web.state import Services

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash fast in this process: what a hash costs is not what these tests are about."""
    monkeypatch.setattr(accounts_module, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    accounts_module._nobody.cache_clear()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor looks a second time after two seconds; in a test nobody else is at work."""
    monkeypatch.setattr(doctor_keys, "_PATIENCE_SECONDS", 0.1)


@pytest.fixture
def app(data_dir: Path) -> Iterator[Flask]:
    """The standalone application, background work left to the test."""
    app = create_app({"DOCCHAT_DATA_DIR": str(data_dir), "DOCCHAT_WORKER": "external", "TESTING": True})
    yield app
    services: Services = app.extensions["docchat"]
    services.worker.stop()
    services.database.close()
    services.keyring.close()


@pytest.fixture
def accounts(app: Flask) -> Accounts:
    """The accounts of `app`; there is one, ann."""
    services: Services = app.extensions["docchat"]
    accounts = Accounts(services.database, min_length=services.settings.password_min_length)
    accounts.add(name="ann", password=PASSWORD)
    return accounts
