"""Models that an administrator has connected: their keys through rotation, sweep, backup, restore and deletion."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from docchat.answers.models import sql_models
from docchat.config import Settings
from docchat.errors import Conflict, InvalidInput, NotFound
from docchat.extension import build_services
from docchat.keys.keyring import SlotState
from docchat.keys.rotation import RotatingKeyring, rotate
from docchat.server.backup.content import back_up_content
from docchat.server.backup.keys import back_up_keys
from docchat.server.backup.restore import Request, restore
from docchat.server.doctor import keys as doctor
from docchat.server.home import MountedHome, close
from docchat.server.sql_slots import slot_owners
from docchat.sessions import sql_audit
from docchat.types import Draft
from docchat.web.state import Services

KEY = "sk-planted-4711-do-not-tell"
URL = "http://127.0.0.1:9/v1"


@pytest.fixture
def open_services() -> Iterator[Callable[[Settings], Services]]:
    """Builds services, and closes them."""
    opened: list[Services] = []

    def build(settings: Settings) -> Services:
        opened.append(build_services(settings, serving=True))
        return opened[-1]

    yield build
    for services in opened:
        close(services)


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request: pytest.FixtureRequest, tmp_path: Path, open_services: Callable[[Settings], Services]) -> Services:
    """Services on each engine."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_store")
    return open_services(Settings(data_dir=tmp_path / "house", database_url=url, worker="external"))


def _state(services: Services, slot: int | None) -> SlotState:
    assert slot is not None
    return services.keyring.states(slots=[slot])[0]


def test_a_key_stays_readable_through_rotation_and_sweep(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    model = services.connected.add(label="Large", url=URL, name="large", key=KEY)
    session = services.store.create(owner="ann", title="beside it").id
    services.store.append(owner="ann", session_id=session, drafts=[Draft("user", "hello")])
    assert isinstance(services.keyring, RotatingKeyring)
    done = rotate(services.keyring, lambda: slot_owners(services.database), patience=0)
    assert (done.left, done.rewrapped, done.retired) == (0, 3, 1)
    monkeypatch.setattr(sql_audit, "_ORPHAN_AGE", timedelta(minutes=-2))
    orphan = services.keyring.create(session_id=model.id, count=1)
    assert services.audit.sweep_keys() == 1
    assert _state(services, orphan[0]) is SlotState.DESTROYED
    assert services.connected.open_key(services.connected.list()[0]) == KEY
    assert list(doctor._models(services)) == []


def test_who_deletes_a_model_destroys_its_key(services: Services) -> None:
    model = services.connected.add(label="Large", url=URL, name="large", key=KEY)
    services.connected.delete(model_id=model.id)
    assert _state(services, model.slot) is SlotState.DESTROYED
    assert services.connected.list() == ()
    with pytest.raises(NotFound):
        services.connected.delete(model_id=model.id)


def test_a_replaced_key_is_destroyed(services: Services) -> None:
    model = services.connected.add(label="Large", url=URL, name="large", key=KEY)
    changed = services.connected.change(replace(model, label="Larger"))
    assert (changed.slot, services.connected.open_key(changed)) == (model.slot, KEY)
    changed = services.connected.change(model, key="another")
    assert services.connected.open_key(changed) == "another"
    assert _state(services, model.slot) is SlotState.DESTROYED
    assert services.connected.change(changed, key="").slot is None
    assert _state(services, changed.slot) is SlotState.DESTROYED


def test_a_key_never_goes_to_another_server(services: Services) -> None:
    model = services.connected.add(label="Large", url=URL, name="large", key=KEY)
    with pytest.raises(InvalidInput) as caught:
        services.connected.change(replace(model, url="http://127.0.0.2:9/v1"))
    assert caught.value.code == "key_again"
    assert services.connected.change(replace(model, url="http://127.0.0.1:9/v2")).slot == model.slot
    moved = services.connected.change(replace(model, url="http://127.0.0.2:9/v1"), key="typed-again")
    assert services.connected.open_key(moved) == "typed-again"


def test_a_failed_write_leaves_no_key(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_models, "insert", lambda table: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        services.connected.add(label="Large", url=URL, name="large", key=KEY)
    assert services.audit.orphan_keys() == []


def test_order_limits_and_bad_values(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    connected = services.connected
    ids = [connected.add(label=label, url=URL, name="").id for label in ("a", "b", "c")]
    connected.order([ids[2], ids[0]])
    assert [model.label for model in connected.list()] == ["c", "a", "b"]
    bad = {
        "bad_label": {"label": "  "},
        "bad_url": {"url": "file:///etc/passwd"},
        "bad_window": {"context_tokens": 10},
        "bad_key": {"key": "two words"},
    }
    for code, values in bad.items():
        with pytest.raises(InvalidInput) as caught:
            connected.add(**{"label": "x", "url": URL, "name": "n", **values})  # type: ignore[arg-type]
        assert caught.value.code == code
    monkeypatch.setattr(sql_models, "MOST_MODELS", 3)
    with pytest.raises(Conflict):
        connected.add(label="d", url=URL, name="")


def test_no_file_holds_the_key(tmp_path: Path, open_services: Callable[[Settings], Services]) -> None:
    services = open_services(Settings(data_dir=tmp_path / "house", worker="external"))
    services.connected.add(label="Large", url=URL, name="large", key=KEY)
    assert KEY not in repr(services.connected.list())
    services.database.checkpoint()
    files = [path for path in (tmp_path / "house").rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_backups_bring_a_key_back_and_no_deleted_one(
    tmp_path: Path, open_services: Callable[[Settings], Services]
) -> None:
    settings = Settings(data_dir=tmp_path / "house", worker="external")
    services = open_services(settings)
    kept = services.connected.add(label="Kept", url=URL, name="kept", key=KEY)
    gone = services.connected.add(label="Gone", url=URL, name="gone", key=KEY)
    back_up_content(services, tmp_path / "content.tar")
    back_up_keys(services, tmp_path / "keys.tar")
    assert KEY.encode() not in (tmp_path / "content.tar").read_bytes()
    services.connected.delete(model_id=gone.id)
    close(services)

    restore(settings, Request(content=tmp_path / "content.tar", replace=True))
    services = open_services(settings)
    found = {model.label: model for model in services.connected.list()}
    assert services.connected.open_key(found["Kept"]) == KEY
    with pytest.raises(InvalidInput) as caught:
        services.connected.open_key(found["Gone"])
    assert caught.value.code == "key_gone"
    assert ["1 models" in str(item) for item in doctor._models(services)] == [True]
    close(services)

    elsewhere = Settings(data_dir=tmp_path / "elsewhere", worker="external")
    request = Request(content=tmp_path / "content.tar", keys=tmp_path / "keys.tar", accept_lost_clears=True)
    restore(elsewhere, request)
    services = open_services(elsewhere)
    assert services.connected.open_key(services.connected.get(model_id=kept.id)) == KEY
    close(services)

    bare = Settings(data_dir=tmp_path / "bare", worker="external")
    restore(bare, Request(content=tmp_path / "content.tar", without_chats=True))
    assert [model.slot for model in open_services(bare).connected.list()] == [None, None]


def test_the_doctor_passes_over_models_that_are_well(tmp_path: Path, open_services: Callable[..., Services]) -> None:
    services = open_services(Settings(data_dir=tmp_path / "house", worker="external"))
    services.connected.add(label="Large", url=URL, name="large", key=KEY)
    findings = list(doctor.check(MountedHome(services)))
    assert {item.level for item in findings} == {"ok"}
