"""C13: a receipt counts what went; `docchat verify-clear` proves that it is gone, and sees what is left."""

import json
import subprocess
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text

from docchat.db.schema import message
from docchat.types import ChatSession, Receipt
from docchat.web.state import Services

from ..server.live import docchat
from .ground import OWNER, Ground
from .inventory import Inventory
from .test_c04_c05_bytes import plant

ACTIONS = ("section clear", "delete", "history")


def verify(ground: Ground, wanted: UUID) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return docchat(ground.data_dir, "verify-clear", str(wanted), "--json", **ground.environment)


def _do(services: Services, session: ChatSession, action: str) -> Receipt:
    if action == "delete":
        return services.clearing.delete(owner=OWNER, session_id=session.id)
    if action == "section clear":
        assert session.document_id is not None
        assert session.section is not None
        cleared = services.section_chats.clear(owner=OWNER, about=(session.document_id, session.section))
        assert cleared is not None
        receipt = cleared.receipt
    else:
        verb = services.clearing.clear if action == "clear" else services.clearing.clear_history
        receipt = verb(owner=OWNER, session_id=session.id).receipt
    assert receipt is not None
    return receipt


@pytest.mark.parametrize("action", ACTIONS)
def test_c13_the_receipt_counts_and_the_proof_holds(ground: Ground, action: str, tally: Callable[..., None]) -> None:
    services = ground.worker()
    session = plant(services, messages=7)
    before = verify(ground, session.id)
    assert before.returncode == 1, "a chat that lives is not proved gone"
    receipt = _do(services, session, action)
    assert receipt.counts["messages"] == session.messages == 9
    assert receipt.counts["running_answers"] == 1
    assert receipt.counts.get("titles", 0) == (0 if action == "history" else 1)
    assert services.clearing.receipt(owner=OWNER, receipt_id=receipt.id) == receipt
    assert "SECRET" not in json.dumps(Inventory.of(ground).tables["receipt"], default=str)
    services.worker.run_due()
    services.keyring.rewrite()
    done = verify(ground, receipt.id)
    assert done.returncode == 0, done.stdout + done.stderr
    tally(f"receipt of a {action} and its proof, {ground.engine}", 1)


@pytest.mark.parametrize("leftover", ["row", "bytes", "key"])
def test_c13_the_proof_sees_what_is_left(ground: Ground, leftover: str, tally: Callable[..., None]) -> None:
    services = ground.worker()
    session = plant(services)
    tables = Inventory.of(ground).tables
    bodies = tables["message"]
    slots = ground.data_dir / "keys" / "slots.bin"
    kept = slots.read_bytes() if slots.exists() else b""
    keys = tables.get("session_key", [])
    receipt = _do(services, session, "clear")
    services.worker.run_due()
    services.keyring.rewrite()
    assert verify(ground, receipt.id).returncode == 0
    if leftover == "row":
        with services.database.write() as connection:
            connection.execute(message.insert().values(id=bodies[0]["id"], body=bytes(bodies[0]["body"])))
    elif leftover == "bytes":
        (ground.data_dir / f"{session.id}.copy").write_bytes(bytes(bodies[0]["body"]))
    elif ground.engine == "sqlite":
        slots.write_bytes(kept)
    else:
        _bring_back(ground, keys)
    found = verify(ground, receipt.id)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "SECRET" not in found.stdout
    unknown = verify(ground, UUID(int=7))
    assert unknown.returncode == 2
    tally(f"a {leftover} that is left behind is seen, {ground.engine}", 1)


def _bring_back(ground: Ground, keys: list[dict[str, object]]) -> None:
    engine = create_engine(ground.settings["DOCCHAT_KEYRING_URL"])
    try:
        with engine.begin() as connection:
            for key in keys:
                names = ("state", "master", "nonce", "wrapped")
                sets = ", ".join(f"{name} = :{name}" for name in names)
                query = text(f"UPDATE session_key SET {sets} WHERE slot = :slot")
                connection.execute(query, {name: key[name] for name in (*names, "slot")})
    finally:
        engine.dispose()
