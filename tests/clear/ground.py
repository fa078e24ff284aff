"""One store on one engine, as many workers over it as a test wants, and what can be read of a chat."""

import gc
import os
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from sqlalchemy import update

from docchat.config import Settings
from docchat.db.schema import job
from docchat.errors import Cleared, NotFound
from docchat.extension import build_services
from docchat.server.home import close
from docchat.sessions.search import search
from docchat.types import ChatSession, Draft, utc_now
from docchat.web.state import Services

from ..conftest import PostgresServer

OWNER = "ann"
ABOUT = (UUID(int=7), "p1")
"""A section that chats are bound to; a clear asks for no document of it."""
SECTION_CHAT = f"/api/documents/{ABOUT[0]}/sections/{ABOUT[1]}/chat"
CANARY = "CANARY"


@dataclass
class Ground:
    """Where a store lives, and the workers that a test has opened over it."""

    engine: str
    data_dir: Path
    settings: dict[str, str] = field(default_factory=dict)
    server: PostgresServer | None = None
    opened: list[Services] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a process over this store, DOCCHAT_DATA_DIR left out."""
        return dict(self.settings)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where every byte of the store is."""
        return (self.data_dir,) if self.server is None else (self.data_dir, self.server.data)

    def worker(self, **more: object) -> Services:
        """One more worker: it starts as a process that serves does, what a crash left is cleared before."""
        given = {"DOCCHAT_WORKER": "external", **self.settings, **more}
        before = os.umask(0o077)  # as the command line sets it
        try:
            services = build_services(Settings.from_mapping(given, data_dir=self.data_dir), serving=True)
        finally:
            os.umask(before)
        self.opened.append(services)
        return services

    def close(self) -> None:
        """Stop all workers."""
        for services in self.opened:
            close(services)
        self.opened.clear()
        gc.collect()


def chat(
    services: Services,
    *,
    owner: str = OWNER,
    messages: int = 6,
    word: str = CANARY,
    about: tuple[UUID, str] | None = None,
) -> ChatSession:
    """A chat with a title and messages, each of which holds `word`; `about` a section, or everything."""
    session = make(services, owner=owner, title=f"{word} title", about=about)
    drafts = [Draft("user" if number % 2 == 0 else "assistant", f"{word} says {number}") for number in range(messages)]
    services.store.append(owner=owner, session_id=session.id, drafts=drafts)
    return services.store.get(owner=owner, session_id=session.id)


def make(services: Services, *, owner: str, title: str, about: tuple[UUID, str] | None) -> ChatSession:
    """A chat without messages."""
    if about is None:
        return services.store.create(owner=owner, title=title)
    session = services.section_chats.open(owner=owner, about=about)
    return services.store.rename(owner=owner, session_id=session.id, title=title)


def state(services: Services, session: ChatSession) -> str:
    """What this worker can read of a chat made by `chat`: "full", "title", "none", or what is wrong with it."""
    title, texts = _title(services, session), _texts(services, session)
    seen = (title, texts, _listed(services, session), _hits(services, session))
    if seen == (session.title, session.messages, session.title, True):
        return "full"
    if seen == (None, None, None, False):
        return "none"
    if seen[:3] in ((session.title, 0, session.title), (session.title, None, session.title)):
        return "title"
    return f"partial: {seen}"


def _title(services: Services, session: ChatSession) -> str | None:
    try:
        return services.store.get(owner=session.owner, session_id=session.id).title
    except (Cleared, NotFound):
        return None


def _texts(services: Services, session: ChatSession) -> int | None:
    try:
        page = services.store.messages(owner=session.owner, session_id=session.id, limit=1000)
    except (Cleared, NotFound):
        return None
    return len([item for item in page.items if item.text])


def _listed(services: Services, session: ChatSession) -> str | None:
    cursor: str | None = None
    while True:
        page = services.store.list(owner=session.owner, cursor=cursor, limit=100)
        for item in page.items:
            if item.id == session.id:
                return item.title
        cursor = page.next
        if cursor is None:
            return None


def _hits(services: Services, session: ChatSession) -> bool:
    word = session.title.split()[0]
    return any(hit.session.id == session.id for hit in search(services.store, owner=session.owner, text=word).hits)


def run_jobs(services: Services) -> int:
    """Run every job of a clear, also one whose time has not come or that a killed process holds; their number."""
    due = {"run_at": utc_now(), "lease": None, "lease_until": None}
    ran = 0
    while True:
        with services.database.write() as connection:
            connection.execute(update(job).where(job.c.kind.in_(CLEAR_JOBS)).values(due))
        done = services.worker.run_due()
        if not done:
            return ran
        ran += done


CLEAR_JOBS = ("reclaim", "settle", "bulk")
