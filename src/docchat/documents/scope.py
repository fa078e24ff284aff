"""What a search may look at: everything a person may read, or only some of it."""

from dataclasses import dataclass
from uuid import UUID

PERSONAL = UUID(int=0)
"""Stands among collections for the person's own library, which is none."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What `owner` searches in.

    `collections` None: everything the owner may read, the own library and every collection joined; else those alone,
    with PERSONAL for the own library. `documents`: only these of it, when given. Neither ever widens what the owner
    may read: an unknown or a foreign id finds nothing.
    """

    owner: str
    collections: tuple[UUID, ...] | None = None
    documents: tuple[UUID, ...] = ()
