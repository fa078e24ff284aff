"""What a request works with: the parts of docchat, put together once for an application."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import current_app

from ..answers.attachments import Attachments
from ..answers.models.registry import Registry
from ..answers.models.sql_models import SqlModels
from ..answers.run import Answers
from ..config import Settings
from ..db.engine import Database
from ..documents.library import Library
from ..documents.sql_collections import Collections
from ..documents.sql_sections import Sections
from ..jobs.worker import Worker
from ..keys.keyring import Keyring
from ..people.parts import People
from ..sessions.bulk import BulkClearing
from ..sessions.clearing import Clearing
from ..sessions.sections import SectionChats
from ..sessions.sql import SqlSessionStore
from ..sessions.sql_audit import SqlAudit
from ..sessions.sql_usage import SqlUsage

EXTENSION = "docchat"
"""Key of the services in `app.extensions`, name of the blueprint, and prefix of its endpoints."""


@dataclass(frozen=True, slots=True)
class UserSource:
    """Questions to the host application: the stable id of the user behind the request, and a name to show.

    None or an empty text as the id means that nobody is signed in. `find` is the id of the user whom people call by
    this name, None when there is no such; without it people invite one another by id. `admin`: whether the person may
    change the models; nobody may unless the host says so. `language`: the language of its pages, for example "de".
    """

    id: Callable[[], str | None]
    name: Callable[[], str | None]
    find: Callable[[str], str | None] | None = None
    admin: Callable[[], bool] = lambda: False
    language: Callable[[], str | None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of docchat as one application uses them. Nothing in here belongs to a single request."""

    settings: Settings
    database: Database
    keyring: Keyring
    store: SqlSessionStore
    clearing: Clearing
    bulk: BulkClearing
    audit: SqlAudit
    library: Library
    sections: Sections
    section_chats: SectionChats
    collections: Collections
    attachments: Attachments
    answers: Answers
    models: Registry
    connected: SqlModels
    usage: SqlUsage
    people: People
    worker: Worker
    user: UserSource


def services() -> Services:
    """The services of the application that handles this request."""
    return cast(Services, current_app.extensions[EXTENSION])
