"""The parts of this room, put together once for an application."""

from dataclasses import dataclass

from .archive import Archive
from .erasing import Erasing
from .sql_figures import SqlFigures
from .sql_holdings import SqlHoldings


@dataclass(frozen=True, slots=True)
class People:
    """What one person has, and what an operator may see."""

    holdings: SqlHoldings
    archive: Archive
    erasing: Erasing
    figures: SqlFigures
