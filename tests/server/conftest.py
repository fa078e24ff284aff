"""Fixtures of the standalone server."""

import pytest
from argon2 import PasswordHasher

from docchat.server import accounts as accounts_module


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash fast in this process: what a hash costs is not what these tests are about."""
    monkeypatch.setattr(accounts_module, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    accounts_module._nobody.cache_clear()
