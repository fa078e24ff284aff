"""Hosts are closed after each test, so that what they left open warns there."""

import gc
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from docchat import DocChat


@pytest.fixture
def closing() -> Iterator[Callable[[Flask], Flask]]:
    """A function that remembers an application with docchat and closes its parts after the test."""
    apps: list[Flask] = []

    def remember(app: Flask) -> Flask:
        apps.append(app)
        return app

    yield remember
    for app in apps:
        services = DocChat.services(app)
        services.worker.stop()
        services.library.close()
        services.database.close()
        services.keyring.close()
    gc.collect()
