"""The peers, each used as its documentation says, over SQLite or files; one that is not installed is skipped.

They are no dependencies of docchat: `make bench` installs the group `bench` of pyproject.toml.
"""

import asyncio
import sqlite3
import time
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Flask, Response

from .measure import timed
from .stores import ANSWER, LOADED, QUESTION, Store, sync_files

SQLITE_SESSION = "Agents SQLiteSession"
SQLALCHEMY_SESSION = "Agents SQLAlchemySession"
LANGCHAIN = "LangChain SQL"
FLASK_SESSION = "Flask-Session files"


def available(directory: Path) -> tuple[list[Store], list[str]]:
    """The peers that are installed, each in a new directory of its own, and a note on each that is not."""
    stores: list[Store] = []
    notes = []
    for number, (name, modules, make) in enumerate(_PEERS):
        missing = [module for module in modules if not _installed(module)]
        if missing:
            notes.append(f"{name}: not installed (no module {', '.join(missing)})")
            continue
        own = directory / f"peer{number}"
        own.mkdir()
        stores.append(make(own))
    return stores, notes


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


class _Loop:
    """Runs coroutines, timed inside, so that starting the loop is not counted. `last` runs before it closes."""

    def __init__(self, last: Callable[[], Coroutine[Any, Any, Any]] | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._last = last

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run_until_complete(work)

    def timed(self, begin: Callable[[], Awaitable[Any]]) -> float:
        async def work() -> float:
            start = time.perf_counter()
            await begin()
            return (time.perf_counter() - start) * 1000

        return float(self.run(work()))

    def close(self) -> None:
        if self._last is not None:
            self.run(self._last())
        self.run(self._loop.shutdown_default_executor())
        self._loop.close()


class AgentsStore:
    """OpenAI Agents SDK: a session object over one SQLite file. `make` builds it from a session id."""

    def __init__(self, directory: Path, name: str, make: Callable[[str], Any], loop: _Loop) -> None:
        self.name = name
        self._directory = directory
        self._make = make
        self._loop = loop

    def begin(self, messages: int) -> "_AgentsChat":
        """All messages in one call."""
        chat = _AgentsChat(self._make(str(uuid4())), self._loop)
        chat.fill(messages)
        return chat

    def settle(self) -> None:
        """Empty the write-ahead log, which syncs."""
        _checkpoint(self._directory)

    def close(self) -> None:
        """Stop the loop and its threads."""
        self._loop.close()


class _AgentsChat:
    def __init__(self, session: Any, loop: _Loop) -> None:
        self._session = session
        self._loop = loop

    def fill(self, messages: int) -> None:
        self._loop.run(self._session.add_items([_item(number) for number in range(messages)]))

    def append(self) -> float:
        return self._loop.timed(lambda: self._session.add_items([_item(0), _item(1)]))

    def load(self) -> float:
        return self._loop.timed(lambda: self._session.get_items(limit=LOADED))

    def clear(self) -> float:
        return self._loop.timed(self._session.clear_session)

    def left(self) -> int:
        return len(self._loop.run(self._session.get_items(limit=LOADED)))

    def held(self) -> object:
        return self._session

    def close(self) -> None:
        close = getattr(self._session, "close", None)
        if close is not None:
            close()


def _sqlite_session(directory: Path) -> Store:
    from agents import SQLiteSession

    path = directory / "agents.sqlite3"
    return AgentsStore(directory, SQLITE_SESSION, lambda key: SQLiteSession(key, path), _Loop())


def _sqlalchemy_session(directory: Path) -> Store:
    from agents.extensions.memory import SQLAlchemySession
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(f"sqlite+aiosqlite:///{directory / 'agents.sqlite3'}")

    def make(key: str) -> Any:
        return SQLAlchemySession(key, engine=engine, create_tables=True)

    return AgentsStore(directory, SQLALCHEMY_SESSION, make, _Loop(engine.dispose))


class LangChainStore:
    """LangChain's SQL history over one SQLite file."""

    name = LANGCHAIN

    def __init__(self, directory: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            from langchain_community.chat_message_histories import SQLChatMessageHistory
        from langchain_core.messages import AIMessage, HumanMessage
        from sqlalchemy import create_engine

        self._directory = directory
        self._engine = create_engine(f"sqlite:///{directory / 'history.sqlite3'}")
        self._history = SQLChatMessageHistory
        self._messages = (lambda: HumanMessage(QUESTION), lambda: AIMessage(ANSWER))

    def begin(self, messages: int) -> "_LangChainChat":
        """All messages in one call."""
        chat = _LangChainChat(self._history(str(uuid4()), connection=self._engine), self._messages)
        chat.fill(messages)
        return chat

    def settle(self) -> None:
        """Nothing is left to do; the same as for the others."""
        _checkpoint(self._directory)

    def close(self) -> None:
        """Close the pool."""
        self._engine.dispose()


class _LangChainChat:
    def __init__(self, history: Any, messages: tuple[Callable[[], Any], Callable[[], Any]]) -> None:
        self._history = history
        self._messages = messages

    def fill(self, messages: int) -> None:
        self._history.add_messages([self._messages[number % 2]() for number in range(messages)])

    def append(self) -> float:
        turn = [make() for make in self._messages]
        return timed(lambda: self._history.add_messages(turn))

    def load(self) -> float:
        return timed(lambda: self._history.messages[-LOADED:])  # it knows no limit

    def clear(self) -> float:
        return timed(self._history.clear)

    def left(self) -> int:
        return len(self._history.messages)

    def held(self) -> object:
        return self._history

    def close(self) -> None:
        pass


class FlaskSessionStore:
    """Flask-Session over cachelib's files: what a request reads and writes, without the request itself."""

    name = FLASK_SESSION

    def __init__(self, directory: Path) -> None:
        from cachelib.file import FileSystemCache
        from flask_session import Session

        self._directory = directory
        self._app = Flask("bench")
        # The default threshold of 500 files silently deletes the oldest sessions.
        cache = FileSystemCache(str(directory), threshold=1_000_000)
        self._app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=cache, SESSION_REFRESH_EACH_REQUEST=False)
        Session(self._app)

    def begin(self, messages: int) -> "_FlaskSessionChat":
        """All messages in one request."""
        chat = _FlaskSessionChat(self._app)
        chat.fill(messages)
        return chat

    def settle(self) -> None:
        """Sync the files."""
        sync_files(self._directory)

    def close(self) -> None:
        """Nothing is open."""


class _FlaskSessionChat:
    def __init__(self, app: Flask) -> None:
        self._app = app
        self._cookie = ""

    def fill(self, messages: int) -> None:
        self._request(lambda session: session.update(messages=[_item(number) for number in range(messages)]))

    def append(self) -> float:
        return self._request(lambda session: session.update(messages=[*session["messages"], _item(0), _item(1)]))

    def load(self) -> float:
        return self._request(lambda session: session["messages"][-LOADED:])

    def clear(self) -> float:
        return self._request(lambda session: session.clear())

    def left(self) -> int:
        found: list[int] = []
        self._request(lambda session: found.append(len(session.get("messages", []))))
        return found[0]

    def held(self) -> object:
        return self._cookie

    def close(self) -> None:
        pass

    def _request(self, work: Callable[[Any], object]) -> float:
        sent = {"Cookie": f"session={self._cookie}"} if self._cookie else {}
        with self._app.test_request_context(headers=sent) as context:
            response = Response()
            interface: Any = self._app.session_interface

            def handle() -> None:
                session = interface.open_session(self._app, context.request)
                work(session)
                interface.save_session(self._app, session, response)
                if not self._cookie:
                    self._cookie = session.sid

            return timed(handle)


def _item(number: int) -> dict[str, str]:
    return {"role": "user", "content": QUESTION} if number % 2 == 0 else {"role": "assistant", "content": ANSWER}


def _checkpoint(directory: Path) -> None:
    for path in directory.glob("*.sqlite3"):
        connection = sqlite3.connect(path, timeout=5)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            connection.close()


_PEERS: tuple[tuple[str, tuple[str, ...], Callable[[Path], Store]], ...] = (
    (SQLITE_SESSION, ("agents",), _sqlite_session),
    (SQLALCHEMY_SESSION, ("agents", "aiosqlite", "greenlet"), _sqlalchemy_session),
    (LANGCHAIN, ("langchain_community",), LangChainStore),
    (FLASK_SESSION, ("flask_session", "cachelib"), FlaskSessionStore),
)
