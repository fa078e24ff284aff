"""The commands, as processes on real files."""

import json
import sqlite3
from pathlib import Path

import pytest

from .live import PASSWORD, docchat

DEMO = Path(__file__).parents[2] / "demo"


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    (folder / "more").mkdir(parents=True)
    (folder / "river.txt").write_text("The river is called Wutach. It flows to the Rhine near Waldshut.\n")
    (folder / "more" / "bread.md").write_text("# Bread\n\nThe dough has to rest for 18 hours before it is baked.\n")
    (folder / ".hidden").write_text("not for the library")
    return folder


def test_users_come_change_and_go(data_dir: Path, papers: Path) -> None:
    def user(*arguments: str, stdin: str = "") -> tuple[int, str]:
        done = docchat(data_dir, "user", *arguments, stdin=stdin)
        return done.returncode, done.stdout + done.stderr

    assert "Made the master key" in user("list")[1]  # said once, where it is made

    assert user("add", "ann", "--password-stdin", stdin="short\n") == (
        1,
        "Error: The password must have at least 12 characters.\n",
    )
    assert user("add", "ann", "--admin", "--password-stdin", stdin=f"{PASSWORD}\n")[0] == 0
    assert user("add", "bob", "--password-stdin", stdin=f"{PASSWORD}\n")[0] == 0
    assert user("add", "bob", "--password-stdin", stdin=f"{PASSWORD}\n") == (1, "Error: There is a user bob already.\n")
    assert user("disable", "bob")[0] == 0
    listed = user("list")[1].splitlines()
    assert [line.split("  ", 2)[2] for line in listed] == ["ann  (admin)", "bob  (disabled)"]
    assert user("enable", "bob")[0] == 0
    assert user("passwd", "bob", "--password-stdin", stdin="another long password\n")[0] == 0
    assert user("passwd", "eve", "--password-stdin", stdin=f"{PASSWORD}\n") == (1, "Error: There is no user eve.\n")
    assert docchat(data_dir, "ingest", str(papers), "--user", "bob").returncode == 0
    assert user("delete", "bob", "--yes") == (0, "Deleted bob, 0 chats and 2 documents.\n")
    assert "bob" not in user("list")[1]


def test_deleting_a_user_destroys_chats_and_documents(data_dir: Path, papers: Path) -> None:
    docchat(data_dir, "user", "add", "bob", "--password-stdin", stdin=f"{PASSWORD}\n")
    docchat(data_dir, "ingest", str(papers), "--user", "bob")
    from docchat.config import Settings
    from docchat.extension import build_services
    from docchat.server.accounts import Accounts
    from docchat.types import Draft

    services = build_services(Settings(data_dir=data_dir, worker="external"))
    bob = str(Accounts(services.database, min_length=12).named(name="bob").id)
    for number in range(60):
        session = services.store.create(owner=bob)
        services.store.append(owner=bob, session_id=session.id, drafts=[Draft(role="user", text=f"Question {number}")])
    services.database.close()
    services.keyring.close()
    done = docchat(data_dir, "user", "delete", "bob", "--yes")
    assert done.stdout == "Deleted bob, 60 chats and 2 documents.\n"
    connection = sqlite3.connect(data_dir / "docchat.sqlite3")
    try:
        for table in ("message", "document", "document_page", "chunk", "account"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    finally:
        connection.close()
    files = [path for path in data_dir.rglob("*") if path.is_file()]
    assert not any(b"Wutach" in path.read_bytes() for path in files)


def test_ingest_takes_folders_skips_what_is_there_and_says_what_failed(data_dir: Path, papers: Path) -> None:
    docchat(data_dir, "user", "list")
    first = docchat(data_dir, "ingest", str(papers))
    assert first.returncode == 0
    assert first.stderr == "There are no accounts: working as the owner “local”.\n"
    assert sorted(first.stdout.splitlines()) == [
        "bread.md: ready, 1 page, 1 passage",
        "river.txt: ready, 1 page, 1 passage",
    ]
    (papers / "copy.txt").write_bytes((papers / "river.txt").read_bytes())
    (papers / "empty.txt").write_bytes(b"")
    (papers / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    (papers / "river.txt").write_text("The river is called Rhine. It flows to the sea.\n")
    second = docchat(data_dir, "ingest", str(papers))
    assert second.returncode == 1
    assert sorted(second.stdout.splitlines()) == [
        "bread.md: unchanged",
        "copy.txt: unchanged",
        "river.txt: ready, 1 page, 1 passage",
    ]
    failures = second.stderr.splitlines()[1:]
    assert failures[0].startswith("broken.pdf: failed: ")
    assert failures[1] == "empty.txt: skipped: This file is empty."
    assert len(failures) == 2


def test_a_path_that_is_not_there_is_a_usage_error(data_dir: Path, tmp_path: Path) -> None:
    assert docchat(data_dir, "ingest", str(tmp_path / "nothing")).returncode == 2


def test_ask_answers_with_sources_and_keeps_no_chat(data_dir: Path, papers: Path) -> None:
    docchat(data_dir, "ingest", str(papers))
    question = "How long has the dough to rest?"
    told = docchat(data_dir, "ask", question)
    assert told.returncode == 0, told.stderr
    assert "18 hours" in told.stdout
    assert "\n[1] bread.md" in told.stdout
    answered = docchat(data_dir, "ask", "--json", question)
    document = json.loads(answered.stdout)
    assert sorted(document) == ["answer", "citations", "mode", "question", "refused"]
    assert document["question"] == question
    assert document["mode"] == "quotes"
    assert document["refused"] is False
    citation = document["citations"][0]
    assert sorted(citation) == ["document", "end", "label", "number", "page", "quote", "start"]
    assert citation["document"] == "bread.md"
    assert "18 hours" in citation["quote"]
    assert citation["end"] - citation["start"] == len(citation["quote"])
    assert docchat(data_dir, "sessions", "list").stdout == ""
    connection = sqlite3.connect(data_dir / "docchat.sqlite3")
    try:
        assert connection.execute("SELECT count(*) FROM message").fetchone() == (0,)
    finally:
        connection.close()


def test_ask_says_when_the_documents_do_not_tell(data_dir: Path, papers: Path) -> None:
    docchat(data_dir, "ingest", str(papers))
    answered = docchat(data_dir, "ask", "--json", "Who won the chess championship of 1972?")
    document = json.loads(answered.stdout)
    assert document["refused"] is True
    assert document["citations"] == []
    assert document["answer"].startswith("Your documents do not say")


def test_ask_fails_with_a_message_when_the_model_is_away(data_dir: Path, papers: Path) -> None:
    docchat(data_dir, "ingest", str(papers))
    away = docchat(data_dir, "ask", "How long has the dough to rest?", DOCCHAT_MODEL_URL="http://127.0.0.1:9/v1")
    assert away.returncode == 1
    assert away.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in away.stderr
    assert docchat(data_dir, "sessions", "list").stdout == ""


def test_chats_can_be_listed_shown_exported_cleared_and_deleted(data_dir: Path) -> None:
    from docchat.config import Settings
    from docchat.extension import build_services
    from docchat.types import Draft

    services = build_services(Settings(data_dir=data_dir, worker="external"))
    session = services.store.create(owner="local", title="About bread")
    drafts = [Draft(role="user", text="How long?"), Draft(role="assistant", text="18 hours.")]
    services.store.append(owner="local", session_id=session.id, drafts=drafts)
    services.database.close()
    services.keyring.close()

    listed = docchat(data_dir, "sessions", "list").stdout
    assert str(session.id) in listed
    assert "About bread" in listed
    assert "18 hours." in docchat(data_dir, "sessions", "show", str(session.id)).stdout
    exported = docchat(data_dir, "sessions", "export", str(session.id), "--format", "json").stdout
    assert [message["text"] for message in json.loads(exported)["messages"]] == ["How long?", "18 hours."]
    cleared = docchat(data_dir, "sessions", "clear", str(session.id))
    assert cleared.returncode == 0
    assert "Receipt" in cleared.stdout
    gone = docchat(data_dir, "sessions", "show", str(session.id))
    assert gone.returncode == 1
    assert gone.stderr.endswith("Error: This chat was cleared.\n")
    successor = cleared.stdout.split()[4]
    assert docchat(data_dir, "sessions", "delete", successor).returncode == 0
    assert docchat(data_dir, "sessions", "list").stdout == ""
    assert docchat(data_dir, "sessions", "show", "00000000-0000-4000-8000-000000000000").returncode == 1


def test_whose_library_is_meant(data_dir: Path) -> None:
    for name in ("bob", "cleo"):
        docchat(data_dir, "user", "add", name, "--password-stdin", stdin=f"{PASSWORD}\n")
    unclear = docchat(data_dir, "sessions", "list")
    assert unclear.returncode == 1
    assert "--user" in unclear.stderr
    docchat(data_dir, "user", "add", "ann", "--admin", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert docchat(data_dir, "sessions", "list").stderr == "Working as ann (choose with --user NAME).\n"
    assert docchat(data_dir, "sessions", "list", "--user", "eve").returncode == 1


def test_erase_takes_everything_of_one_person_and_the_account_stays(data_dir: Path, papers: Path) -> None:
    for name in ("ann", "bob"):
        docchat(data_dir, "user", "add", name, "--password-stdin", stdin=f"{PASSWORD}\n")
        docchat(data_dir, "ingest", str(papers), "--user", name)
    assert docchat(data_dir, "erase").returncode == 2
    done = docchat(data_dir, "erase", "--user", "ann", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Deleted 0 chats and 2 documents of ann.\n"
    assert "ann" in docchat(data_dir, "user", "list").stdout
    asked = json.loads(docchat(data_dir, "ask", "What is written about the Wutach?", "--json", "--user", "ann").stdout)
    assert asked["refused"]
    kept = docchat(data_dir, "ask", "Where does the Wutach flow to?", "--json", "--user", "bob").stdout
    assert "Rhine" in json.loads(kept)["answer"]


def test_the_doctor_finds_a_healthy_installation_healthy(data_dir: Path, papers: Path) -> None:
    docchat(data_dir, "ingest", str(papers))
    done = docchat(data_dir, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"ok"}


def test_the_doctor_finds_postgresql_healthy(data_dir: Path, papers: Path, postgres_url: str) -> None:
    docchat(data_dir, "ingest", str(papers), DOCCHAT_DATABASE_URL=postgres_url)
    done = docchat(data_dir, "doctor", DOCCHAT_DATABASE_URL=postgres_url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"ok"}


def test_the_doctor_finds_what_is_wrong(data_dir: Path, papers: Path) -> None:
    docchat(data_dir, "ingest", str(papers))
    originals = [path for path in data_dir.rglob("*") if path.is_file() and b"Wutach" in path.read_bytes()[:100]]
    originals[0].unlink()
    (data_dir / "keys" / "master.key").chmod(0o644)
    done = docchat(data_dir, "doctor", DOCCHAT_MODEL_URL="http://127.0.0.1:9/v1")
    assert done.returncode == 1
    problems = [line for line in done.stdout.splitlines() if line.startswith("fail")]
    assert len(problems) == 3
    assert "chmod 600" in problems[0]
    assert "1 documents have lost their original files" in problems[1]
    assert "model server" in problems[2]


def test_a_foreign_key_file_stops_every_command(data_dir: Path, tmp_path: Path) -> None:
    docchat(data_dir, "doctor")
    docchat(tmp_path / "other", "doctor")
    (data_dir / "keys" / "slots.bin").write_bytes((tmp_path / "other" / "keys" / "slots.bin").read_bytes())
    for command in (("doctor",), ("sessions", "list"), ("serve", "--port", "0")):
        done = docchat(data_dir, *command)
        assert done.returncode == 1, command
        assert "Traceback" not in done.stderr


def test_a_directory_that_cannot_be_used_stops_every_command(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for command in (("doctor",), ("sessions", "list"), ("serve", "--port", "0")):
        done = docchat(tmp_path / "file" / "data", *command)
        assert done.returncode == 1, command
        assert "DOCCHAT_DATA_DIR" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_the_demo_shows_its_password_once(data_dir: Path, papers: Path) -> None:
    first = docchat(data_dir, "demo", str(papers))
    assert first.returncode == 0, first.stderr
    assert "(shown this once)" in first.stdout
    second = docchat(data_dir, "demo", str(papers))
    assert second.returncode == 0
    assert "user passwd demo" in second.stdout
    assert len(second.stdout.splitlines()) == 2
