"""What DocChat checks when it is set up, and what it leaves closed."""

import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from docchat import DocChat, Settings
from docchat.db.schema import message, receipt
from docchat.errors import ConfigError
from docchat.extension import build_services
from docchat.types import Draft
from docchat.web.state import Services


def close(services: Services) -> None:
    services.worker.stop()
    services.library.close()
    services.database.close()
    services.keyring.close()


def make_app(directory: Path, **config: object) -> Flask:
    app = Flask("host", instance_path=str(directory))
    app.config.update(SECRET_KEY="host")
    app.config.update(config)
    return app


def client_of(app: Flask) -> FlaskClient:
    DocChat(app, current_user_id=lambda: "ada")
    return app.test_client()


def open_files(directory: Path) -> set[str]:
    """Files below `directory` that this process holds open."""
    found = set()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{descriptor}"))
        except FileNotFoundError:  # the listing's own
            continue
    return {name for name in found if name.startswith(str(directory))}


def test_data_goes_to_the_instance_folder(tmp_path: Path) -> None:
    app = make_app(tmp_path / "instance")
    DocChat(app)
    directory = tmp_path / "instance" / "docchat"
    assert DocChat.services(app).settings.data_dir == directory
    assert (directory / "docchat.sqlite3").exists()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_settings_are_the_applications(tmp_path: Path) -> None:
    config = {"DOCCHAT_DATA_DIR": str(tmp_path / "x"), "DOCCHAT_MAX_QUESTION_CHARS": 5, "DOCCHAT_URL_PREFIX": "/chat"}
    app = make_app(tmp_path, **config)
    DocChat(app)
    settings = DocChat.services(app).settings
    assert (settings.data_dir, settings.max_question_chars) == (tmp_path / "x", 5)
    assert app.url_map.bind("localhost").match("/chat/api/status")[0] == "docchat.status"


def test_settings_may_be_given(tmp_path: Path) -> None:
    app = make_app(tmp_path, DOCCHAT_URL_PREFIX="/not/this")
    DocChat(app, settings=Settings(data_dir=tmp_path / "given"))
    assert DocChat.services(app).settings.data_dir == tmp_path / "given"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"DOCCHAT_MODLE_URL": "http://x"}, "Unknown setting DOCCHAT_MODLE_URL"),
        ({"DOCCHAT_URL_PREFIX": "chat"}, "must start with /"),
        ({"DOCCHAT_MAX_UPLOAD_BYTES": "much"}, "must be a number"),
        ({"DOCCHAT_DATABASE_URL": "nonsense"}, "database URL"),
        ({"DOCCHAT_DATABASE_URL": "postgresql://secret:password@127.0.0.1:1/x"}, "cannot be used"),
    ],
)
def test_a_wrong_setting_stops_the_start(tmp_path: Path, config: dict[str, object], said: str) -> None:
    app = make_app(tmp_path, **config)
    with pytest.raises(ConfigError, match=said) as caught:
        DocChat(app)
    assert "password" not in caught.value.message
    assert "docchat" not in app.extensions


def test_a_data_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for directory in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError) as caught:
            build_services(Settings(data_dir=directory))
        assert str(directory) in caught.value.message
        assert "DOCCHAT_DATA_DIR" in caught.value.message


@pytest.mark.parametrize("directory", ["/proc/docchat", "/sys/kernel"])
def test_a_data_directory_that_cannot_be_written(directory: str) -> None:
    with pytest.raises(ConfigError, match=directory):
        build_services(Settings(data_dir=Path(directory)))


def test_a_full_disk_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="full"):
        build_services(Settings(data_dir=tmp_path / "data"))


def test_keys_and_database_must_belong_together(tmp_path: Path) -> None:
    services = build_services(Settings(data_dir=tmp_path / "a"))
    services.store.create(owner="ada", title="sealed")
    close(services)
    close(build_services(Settings(data_dir=tmp_path / "b")))
    keys = tmp_path / "a" / "keys" / "slots.bin"
    original = keys.read_bytes()
    keys.write_bytes((tmp_path / "b" / "keys" / "slots.bin").read_bytes())
    with pytest.raises(ConfigError, match="belongs to the store"):
        build_services(Settings(data_dir=tmp_path / "a"))
    keys.unlink()
    with pytest.raises(ConfigError, match="missing"):
        build_services(Settings(data_dir=tmp_path / "a"))
    keys.write_bytes(original)
    close(build_services(Settings(data_dir=tmp_path / "a")))


def test_a_start_finishes_a_clear_that_was_cut_short(tmp_path: Path) -> None:
    parts = build_services(Settings(data_dir=tmp_path))
    session = parts.store.create(owner="ada", title="a title")
    parts.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "hello")])
    parts.keyring.destroy(slots=(0, 1))
    close(parts)
    again = build_services(Settings(data_dir=tmp_path), serving=True)
    with again.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(message)).scalar_one() == 0
        assert connection.execute(select(func.count()).select_from(receipt)).scalar_one() == 1
    close(again)


def test_a_keyring_that_was_swapped_is_refused(tmp_path: Path) -> None:
    """Both claim the store, are as long as each other and were made with the same master key."""
    parts = build_services(Settings(data_dir=tmp_path))
    spare = tmp_path / "spare"
    shutil.copytree(tmp_path / "keys", spare)
    parts.store.create(owner="ada", title="a title")
    close(parts)
    with (spare / "slots.bin").open("r+b") as file:
        made = (tmp_path / "keys" / "slots.bin").read_bytes()
        offset = made.index(parts.keyring.identity.bytes)
        file.write(made[:offset] + uuid4().bytes + made[offset + 16 :])
    shutil.rmtree(tmp_path / "keys")
    spare.rename(tmp_path / "keys")
    with pytest.raises(ConfigError, match=str(parts.keyring.identity)):
        build_services(Settings(data_dir=tmp_path))


def test_the_files_are_for_this_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        parts = build_services(Settings(data_dir=tmp_path / "data"))
        parts.store.create(owner="ada", title="a title")
        made = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
        assert {path.name for path in made} >= {"docchat.sqlite3", "docchat.sqlite3-wal", "slots.bin", "master.key"}
        assert {oct(path.stat().st_mode & 0o077) for path in made} == {"0o0"}
        close(parts)
    finally:
        os.umask(before)


def test_nothing_is_open_and_nothing_runs_before_the_first_request(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    app = make_app(tmp_path)
    client = client_of(app)
    client.get("/docchat-static/css/base.css").close()
    assert open_files(tmp_path) == set()
    assert set(threading.enumerate()) - before == set()
    for _ in range(2):
        assert client.get("/api/sessions").status_code == 200
        # One for quick jobs, one for reading documents; the same two at the second request.
        assert [thread.name for thread in set(threading.enumerate()) - before] == ["docchat-worker"] * 2
    assert open_files(tmp_path)
    close(DocChat.services(app))
    assert open_files(tmp_path) == set()


def test_an_external_worker_is_not_started(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    app = make_app(tmp_path, DOCCHAT_WORKER="external")
    assert client_of(app).get("/api/sessions").status_code == 200
    assert set(threading.enumerate()) - before == set()
    close(DocChat.services(app))


def test_a_fork_after_the_first_request_works_for_both(tmp_path: Path) -> None:
    app = make_app(tmp_path, DOCCHAT_WORKER="external")
    client = client_of(app)
    made = client.post("/api/sessions", json={"title": "before the fork"}).get_json()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            read = client.get(f"/api/sessions/{made['id']}").get_json()
            client.post("/api/sessions", json={"title": "of the child"})
            code = 0 if read["title"] == "before the fork" else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    titles = [session["title"] for session in client.get("/api/sessions").get_json()["sessions"]]
    assert titles == ["of the child", "before the fork"]
    close(DocChat.services(app))


def test_the_worker_is_started_in_each_process(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    client = client_of(app)
    child = os.fork()
    if child == 0:
        client.get("/api/sessions")
        os._exit(0 if "docchat-worker" in [thread.name for thread in threading.enumerate()] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_parts_without_an_application(tmp_path: Path) -> None:
    services = build_services(Settings(data_dir=tmp_path))
    session = services.store.create(owner="ada", title="by a command")
    assert services.clearing.clear(owner="ada", session_id=session.id).receipt is not None
    assert services.user.id() is None
    close(services)


def test_importing_the_package_is_cheap() -> None:
    program = (
        "import sys, threading, docchat; docchat.Settings;"
        "heavy = {'flask', 'sqlalchemy', 'httpx', 'kreuzberg', 'pypdfium2'} & set(sys.modules);"
        "assert not heavy, heavy; assert threading.active_count() == 1;"
        "from docchat import DocChat; assert DocChat.__module__ == 'docchat.extension'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_public_name_is_there() -> None:
    import docchat

    for name in docchat.__all__:
        assert getattr(docchat, name) is not None
    with pytest.raises(AttributeError):
        docchat.nothing  # noqa: B018
