"""DocChat, the Flask extension: the only place where the parts are put together."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from flask import Flask, request_finished, request_started

from .answers.attachments import Attachments
from .answers.models.registry import Registry
from .answers.models.sql_models import SqlModels
from .answers.run import Answers
from .blueprint import make_blueprint
from .config import Settings
from .db.engine import Database
from .db.migrate import INDEX_AGAIN, Origin, migrate, name_keyring
from .documents import embedding
from .documents.embed import make_embedder
from .documents.embedding import handlers as embed_jobs
from .documents.files import make_files
from .documents.ingest import TIRELESS as DOCUMENT_TIRELESS
from .documents.ingest import handlers as document_jobs
from .documents.library import Library
from .documents.sql_collections import Collections
from .documents.sql_index import SqlIndex, make_index
from .documents.sql_index import create as create_index
from .documents.sql_reindex import Reindex
from .documents.sql_sections import Sections
from .errors import ConfigError, StoreError
from .jobs.worker import Beat, Handler, Retry, Worker
from .keys.keyring import Keyring
from .keys.slots import SlotKeyring
from .keys.sql import SqlKeyring
from .people.archive import Archive
from .people.erasing import Erasing
from .people.parts import People
from .people.sql_erasing import SqlErasing
from .people.sql_figures import SqlFigures
from .people.sql_holdings import ERASE, SqlHoldings
from .sessions.bulk import BulkClearing
from .sessions.clearing import Clearing
from .sessions.jobs import PERIODIC, TIRELESS
from .sessions.jobs import handlers as session_jobs
from .sessions.retention import Retention
from .sessions.sections import SectionChats
from .sessions.shredder import Shredder
from .sessions.sql import SqlSessionStore
from .sessions.sql_attachment_intake import AttachmentIntake
from .sessions.sql_attachment_reading import AttachmentReading
from .sessions.sql_attachment_rows import JOB as ATTACH
from .sessions.sql_attachments import SqlAttachments
from .sessions.sql_audit import SqlAudit
from .sessions.sql_bulk import SqlBulk
from .sessions.sql_graves import SqlGraves
from .sessions.sql_sections import SqlSectionChats
from .sessions.sql_settle import SqlSettle
from .sessions.sql_usage import SqlUsage
from .web import guard
from .web.auth import flask_login_source
from .web.state import EXTENSION, Services, UserSource

_REWRITE_SECONDS = 30.0
_TIDY_SECONDS = 3600.0


class DocChat:
    """Mounts docchat in a Flask application: `DocChat(app)`, or `DocChat().init_app(app)` in an app factory.

    `current_user_id` returns the stable id of the user behind the request, None when nobody is signed in;
    `current_username` returns a name to show. Without them Flask-Login is asked. `find_user` returns the id of the user
    whom people call by a name, for inviting to a collection; without it they invite by id. `is_admin` tells whether the
    user behind the request may connect models; without it nobody may. `language` returns the language of the pages, for
    example "de"; without it the browser's is taken. Unless `settings` are given
    they are the application's `DOCCHAT_` keys, for example `DOCCHAT_URL_PREFIX = "/chat"`; data goes to `docchat` in
    the instance folder unless `DOCCHAT_DATA_DIR` says otherwise.
    """

    def __init__(
        self,
        app: Flask | None = None,
        current_user_id: Callable[[], str | None] | None = None,
        current_username: Callable[[], str | None] | None = None,
        *,
        find_user: Callable[[str], str | None] | None = None,
        is_admin: Callable[[], bool] | None = None,
        language: Callable[[], str | None] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._find_user = find_user
        self._is_admin = is_admin or _nobody
        self._language = language or _nothing
        self._current_user_id = current_user_id
        self._current_username = current_username
        self._settings = settings
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Check the settings and the store, and mount the blueprint. Raises ConfigError, which says what to do.

        Nothing stays open afterwards: files, connections and threads are begun by the first request of each process.
        """
        if EXTENSION in app.extensions:
            raise ConfigError("DocChat is set up already for this application: call init_app once.")
        settings = self._settings or Settings.from_mapping(app.config, data_dir=Path(app.instance_path) / "docchat")
        app.extensions[EXTENSION] = build_services(settings, user=self._user(), serving=True)
        app.register_blueprint(make_blueprint(), url_prefix=settings.url_prefix or None)
        request_started.connect(guard.begin, app)
        request_finished.connect(guard.finish, app)

    @staticmethod
    def services(app: Flask) -> Services:
        """The parts that serve this application."""
        return cast(Services, app.extensions[EXTENSION])

    def _user(self) -> UserSource:
        login = flask_login_source()
        if self._current_user_id is None:
            ids, names = login.id, self._current_username or login.name
        else:
            ids, names = self._current_user_id, self._current_username or _nothing
        return UserSource(ids, names, self._find_user, self._is_admin, self._language)


def build_services(settings: Settings, *, user: UserSource | None = None, serving: bool = False) -> Services:
    """All parts over these settings, without an application: for commands and workers.

    Creates and checks what is stored, then closes it again. With `serving`, clears that were cut short or could still
    be undone are finished first. Raises ConfigError.
    """
    database, keyring = _open(settings)
    store = SqlSessionStore(database, keyring, answers_per_day=settings.answers_per_day)
    shredder = Shredder(keyring, undo_seconds=settings.clear_undo_seconds)
    graves, settling = SqlGraves(database, shredder), SqlSettle(database, shredder)
    audit = SqlAudit(database, keyring)
    clearing = Clearing(graves, settling, audit, shredder)
    bulk = BulkClearing(SqlBulk(database), shredder)
    retention = Retention(graves, shredder, settings.retention_days, settings.retention_idle_days)
    index = make_index(database, make_embedder(settings))
    usage = SqlUsage(database)
    connected = SqlModels(database, keyring)
    models = Registry(settings, connected)
    library = Library(database, make_files(database, settings), index, settings)
    sections = Sections(database)
    attachments = _make_attachments(database, keyring, library, settings)
    answers = Answers(store, index, library, models, settings, attachments, sections, usage)
    collections = Collections(database)
    archive = Archive(SqlHoldings(database), store, attachments.rows, library, collections, usage, answers.gone)
    people = _make_people(archive, bulk, settling, settings)
    worker = _make_worker(
        database,
        index,
        {
            **document_jobs(library, settings),
            ATTACH: attachments.read,
            **session_jobs(clearing, settling, bulk, retention),
            ERASE: people.erasing.finish,
            "rewrite_keys": lambda job, beat: _rewrite(keyring),
            "tidy": lambda job, beat: _tidy(store, library, attachments, beat),
        },
    )
    if index.vectors:
        embedding.ask_for_missing(database)
    if serving:
        # Before the first request: what a crash cut short, or a restored database brought back, is cleared for good.
        settling.settle_all()
        clearing.reconcile()
    database.close()
    keyring.close()
    return Services(
        settings=settings,
        database=database,
        keyring=keyring,
        store=store,
        clearing=clearing,
        bulk=bulk,
        audit=audit,
        library=library,
        sections=sections,
        section_chats=SectionChats(SqlSectionChats(database), store, clearing),
        collections=collections,
        attachments=attachments,
        answers=answers,
        models=models,
        connected=connected,
        usage=usage,
        people=people,
        worker=worker,
        user=user or UserSource(_nothing, _nothing),
    )


def _open(settings: Settings) -> tuple[Database, Keyring]:
    """The database and the keyring, made or checked, and knowing each other. Raises ConfigError."""
    settings.check()
    _check_directory(settings.data_dir)
    database = Database(settings.effective_database_url, timeout=settings.store_timeout_seconds)
    try:
        with _one_at_a_time(settings.data_dir):
            origin = _migrate(database)
            keyring = _make_keyring(settings, origin)
            name_keyring(database, origin, keyring.identity)
    except ConfigError:
        database.close()
        raise
    return database, keyring


def _make_worker(database: Database, index: SqlIndex, handlers: dict[str, Handler]) -> Worker:
    """The worker with these jobs and those of the index."""
    embedded = embed_jobs(database, index.vectors) if index.vectors else {}
    return Worker(
        database,
        {**handlers, INDEX_AGAIN: Reindex(database, index), **embedded},
        slow=frozenset({"ingest", INDEX_AGAIN, ATTACH} | ({"embed"} if index.vectors else set())),
        tireless=TIRELESS | {ERASE} | DOCUMENT_TIRELESS | embedding.TIRELESS | {INDEX_AGAIN},
        periodic={**PERIODIC, **embedding.PERIODIC, "rewrite_keys": _REWRITE_SECONDS, "tidy": _TIDY_SECONDS},
    )


def _make_people(archive: Archive, bulk: BulkClearing, settling: SqlSettle, settings: Settings) -> People:
    library = archive.library
    rows = SqlErasing(library.database, limited=settings.answers_per_day > 0)
    return People(archive.holdings, archive, Erasing(rows, bulk, settling, library), SqlFigures(library.database))


def _make_attachments(database: Database, keyring: Keyring, library: Library, settings: Settings) -> Attachments:
    intake, reading = AttachmentIntake(database, keyring), AttachmentReading(database, keyring)
    return Attachments(SqlAttachments(database, keyring), intake, reading, library.sandbox, settings)


def _check_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(bytes(4096))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "Its disk is full: free some space, or set DOCCHAT_DATA_DIR to another disk."
        else:
            remedy = (
                f"{os.strerror(error.errno or 0)}. Make it a directory that the user who runs this program may "
                "write, or set DOCCHAT_DATA_DIR to another."
            )
        raise ConfigError(f"The data directory {directory} cannot be used. {remedy}") from error


@contextmanager
def _one_at_a_time(directory: Path) -> Iterator[None]:
    # The workers of a server start together: one makes the tables and the key files, the others find them whole.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _migrate(database: Database) -> Origin:
    try:
        return migrate(database, extra=create_index)
    except StoreError as error:
        raise ConfigError(
            f"The database {database.url.render_as_string(hide_password=True)} cannot be used. Check that it runs, "
            "that DOCCHAT_DATABASE_URL is right, and that this user may create tables in it."
        ) from error


def _make_keyring(settings: Settings, origin: Origin) -> Keyring:
    directory, master_key = settings.data_dir / "keys", settings.master_key
    if not settings.keyring_url:
        return SlotKeyring(directory, store_id=origin.store_id, slots=origin.slots, master_key=master_key)
    database = Database(settings.keyring_url, timeout=settings.store_timeout_seconds)
    try:
        return SqlKeyring(database, directory, store_id=origin.store_id, slots=origin.slots, master_key=master_key)
    except ConfigError:
        database.close()
        raise
    except StoreError as error:
        database.close()
        raise ConfigError(
            "The keyring's database cannot be used. Check that it runs and that DOCCHAT_KEYRING_URL is right."
        ) from error


def _tidy(store: SqlSessionStore, library: Library, attachments: Attachments, beat: Beat) -> None:
    """What crashes have left: answers that nobody makes any more, originals of no document, half attachments."""
    store.end_dead_runs()
    beat()
    attachments.intake.sweep()
    beat()
    library.sweep_orphans()


def _nothing() -> None:
    return None


def _nobody() -> bool:
    return False


def _rewrite(keyring: Keyring) -> None:
    if not keyring.rewrite():
        raise Retry("something holds the key table", delay=_REWRITE_SECONDS)
