"""The index of words against the documents: what cannot be found though it is there, and the other way round."""

from collections.abc import Iterator

from ...documents import sql_index_check
from ..home import Home
from .finding import Finding, counted


def check(home: Home) -> Iterator[Finding]:
    """Passages without words, words without passages, wrong counts, deletions that did not come to their end."""
    services = home.services
    database, index = services.database, services.library.index
    found = sql_index_check.check(database)

    def remake() -> str:
        return f"the index was made anew from {sql_index_check.remake(database, index)} documents"

    def rebuild() -> str:
        return f"{sql_index_check.rebuild(database, index, found.without_words)} documents were indexed again"

    def read_again() -> str:
        number = sql_index_check.read_again(database, found.miscounted)
        services.worker.run_due()
        return f"{number} documents were read again"

    def drop() -> str:
        dropped = sql_index_check.drop_orphans(database)
        services.worker.run_due()
        return f"{dropped} rows were taken out of the index"

    def finish() -> str:
        number = services.library.finish_removals()
        services.worker.run_due()
        return f"{number} deletions were finished"

    if found.broken:
        yield Finding("fail", "the index of words is damaged", remake)
    yield counted(len(found.without_words), "documents have passages that cannot be found by words", repair=rebuild)
    yield counted(len(found.miscounted), "documents have other pages or passages than they say", repair=read_again)
    yield counted(found.words_without_passage, "rows of the index belong to no passage", repair=drop)
    yield counted(found.half_deleted, "deleted documents are still being taken away", repair=finish, level="warn")
