"""The index of words against the documents: what cannot be found though it is there, and the other way round."""

from collections.abc import Iterator
from pathlib import Path

from ...documents import sql_index_check, sql_rewrite
from ...web.state import Services
from ..holders import holders, sqlite_files
from ..home import Home
from ..verify.sql_layout import sqlite_path
from .finding import Finding, counted


def check(home: Home) -> Iterator[Finding]:
    """Passages without words, words and vectors without passages, wrong counts, deletions cut short."""
    services = home.services
    database, index, library = services.database, services.library.index, services.library
    path = sqlite_path(database.url)
    found = sql_index_check.check(database, alone=bool(path) and not holders(sqlite_files(Path(path))))

    def remake() -> str:
        sql_index_check.remake(database, index)
        return "it was made anew"

    def rebuild() -> str:
        return f"{sql_index_check.rebuild(database, index, found.without_words)} documents were indexed again"

    def read_again() -> str:
        number = sql_index_check.read_again(database, index, library.files, found.miscounted)
        return _run(services, f"{number} documents were read again") if number else ""

    def drop_words() -> str:
        return _run(services, f"{sql_index_check.drop_stray_words(database)} rows were taken out of the index")

    def drop_vectors() -> str:
        return _run(services, f"{sql_index_check.drop_stray_vectors(database)} vectors were deleted")

    def finish() -> str:
        return _run(services, f"{library.finish_removals()} deletions were finished")

    if found.broken:
        yield Finding("fail", "the index of words is damaged", remake)
    elif found.broken is None:
        yield Finding("ok", "the index of words was not asked for damage: that would hold up those who use it now")
    yield counted(len(found.without_words), "documents have passages that cannot be found by words", repair=rebuild)
    yield counted(len(found.miscounted), "documents have other pages or passages than they say", repair=read_again)
    yield counted(found.words_without_passage, "rows of the index belong to no passage", repair=drop_words)
    yield counted(found.vectors_without_passage, "vectors belong to no passage", repair=drop_vectors)
    yield counted(found.half_deleted, "deleted documents were not taken away to their end", repair=finish)
    if found.being_deleted:
        yield Finding("warn", f"{found.being_deleted} deleted documents are still being taken away", finish)


def check_files(home: Home) -> Iterator[Finding]:
    """What is left of deleted documents in PostgreSQL's files."""
    database = home.services.database
    tables = sql_rewrite.large(database)
    if tables:
        names = ", ".join(tables)
        text = f"bytes of deleted documents are left in the files of {names}, too large to be written anew beside work"
        yield Finding("warn", text, lambda: f"{sql_rewrite.rewrite(database, tables)} of them were written anew")


def _run(services: Services, done: str) -> str:
    """Also what was only asked for."""
    services.worker.run_due()
    return done
