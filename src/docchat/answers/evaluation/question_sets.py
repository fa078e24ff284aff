"""Folders of documents with questions whose right place is known, in three layouts.

- `docs/` and `questions.jsonl`: `doc` names a file (or several) under `docs/`, `page` the page, or `passage` the
  paragraph (0-based, after a heading line at the file's start).
- `corpus.jsonl` (`id`, `title`, `text`) with `questions_test.jsonl`, `questions.jsonl` or `queries.jsonl`, and what is
  right either in `doc` or in a table `qrels_test.tsv`, `qrels/test.tsv` or `qrels.tsv`.
- `passages.jsonl` with `questions.jsonl`: `gold_passages` names what is right, `history` the turns before.

Where answers are known too: `answers` (any one is right), `evidence` (words that stand where the answer is),
`unanswerable` or `answerability` (ANSWERABLE, PARTIAL, UNANSWERABLE, CONVERSATIONAL: the last asks nothing).
"""

import csv
import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...errors import InvalidInput

Unit = Literal["document", "page", "paragraph"]
"""What is counted as found."""

_QUESTIONS = ("questions_test.jsonl", "questions.jsonl", "queries.jsonl")
_TABLES = ("qrels_test.tsv", "qrels/test.tsv", "qrels.tsv")


@dataclass(frozen=True, slots=True)
class Right:
    """A right place: a document by its key in the set, with `number` a page (1-based) or paragraph (0-based) of it."""

    document: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the turns before it (oldest first), and how much each right place is worth (1, or a grade).

    Any of `answers` is right, and so are the words of `evidence`. One that is `unanswerable` may still name the place
    it was written from, which does not answer it.
    """

    id: str
    text: str
    right: Mapping[Right, float]
    unit: Unit
    group: str = ""
    history: tuple[tuple[str, str], ...] = ()
    answers: tuple[str, ...] = ()
    evidence: str = ""
    unanswerable: bool = False


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The documents of a set by their keys, and its questions."""

    name: str
    documents: Mapping[str, Path | str]
    """A file, or the text of a document that is a line of a table (HTML)."""
    questions: tuple[Asked, ...]


def read_set(folder: Path, *, all_questions: bool = False) -> QuestionSet:
    """The set in `folder`: the questions that have a right place, or all. Raises InvalidInput if no layout fits."""
    if (folder / "corpus.jsonl").is_file():
        return QuestionSet(folder.name, _texts(folder / "corpus.jsonl"), tuple(_judged(folder)))
    questions = folder / "questions.jsonl"
    if not questions.is_file() or not ((folder / "docs").is_dir() or (folder / "passages.jsonl").is_file()):
        raise InvalidInput(
            f"{folder} must hold questions.jsonl with docs/ or passages.jsonl, or corpus.jsonl with questions.",
            code="no_questions",
        )
    asked = (_asked(line, number) for number, line in enumerate(_lines(questions), 1) if _asks(line))
    found = tuple(one for one in asked if all_questions or (one.right and not one.unanswerable))
    return QuestionSet(folder.name, _documents(folder), found)


def _documents(folder: Path) -> Mapping[str, Path | str]:
    """The files of docs/; passages that are no files there come from the table."""
    docs = folder / "docs"
    files: dict[str, Path | str] = {
        path.relative_to(docs).as_posix(): path for path in sorted(docs.rglob("*")) if path.is_file()
    }
    table = folder / "passages.jsonl"
    listed = _texts(table) if table.is_file() else {}
    return files if files.keys() >= listed.keys() else listed


def _texts(table: Path) -> dict[str, Path | str]:
    found: dict[str, Path | str] = {}
    for line in _lines(table):
        title, text = str(line.get("title") or ""), str(line.get("text") or "")
        heading = f"<h1>{html.escape(title)}</h1>" if title and not text.startswith(title) else ""
        paragraphs = "".join(f"<p>{html.escape(piece)}</p>" for piece in text.split("\n") if piece.strip())
        found[_id(line)] = f"<!doctype html><html><body>{heading}{paragraphs}</body></html>"
    return found


def _judged(folder: Path) -> Iterator[Asked]:
    """The questions of a corpus."""
    table = next((folder / name for name in _TABLES if (folder / name).is_file()), None)
    grades = _grades(table) if table is not None else {}
    path = next((folder / name for name in _QUESTIONS if (folder / name).is_file()), None)
    if path is None:
        raise InvalidInput(f"{folder} has a corpus but no questions.", code="no_questions")
    for line in _lines(path):
        id = _id(line)
        right = grades.get(id, {}) if grades else {Right(name): 1.0 for name in _names(line.get("doc"))}
        if right:
            yield Asked(id, _text(line), right, "document", str(line.get("lang", "")))


def _grades(table: Path) -> dict[str, dict[Right, float]]:
    found: dict[str, dict[Right, float]] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file, delimiter="\t"):
            try:
                grade = float(row[-1])
            except (ValueError, IndexError):
                continue  # the line of heads, or an empty one
            if grade > 0:
                # id, document, grade; in the TREC form an unused 0 stands between the first two
                found.setdefault(row[0], {})[Right(row[-2])] = grade
    return found


def _asks(line: dict[str, Any]) -> bool:
    """Whether a line asks something: in a conversation some turns only thank."""
    return str(line.get("answerability", "")).upper() != "CONVERSATIONAL"


def _asked(line: dict[str, Any], number: int) -> Asked:
    """A question of the other layouts; without a right place when none is known."""
    if not _text(line):
        raise InvalidInput(f"Line {number} of questions.jsonl has no question.", code="bad_questions")
    unit: Unit = "document"
    place: int | None = None
    if "gold_passages" in line:
        names = _names(line["gold_passages"])
    else:
        names = _names(line.get("doc") or line.get("docs"))
        if line.get("passage") is not None:
            unit, place = "paragraph", int(line["passage"])
        elif line.get("page") is not None:
            unit, place = "page", int(line["page"])
    turns = line.get("history") or ()
    return Asked(
        _id(line) or str(number),
        _text(line),
        dict.fromkeys((Right(name, place) for name in names), 1.0),
        unit,
        str(line.get("lang", "")),
        tuple((str(turn.get("role", "user")), str(turn.get("text", ""))) for turn in turns),
        tuple(map(str, _names(line.get("answers")))),
        str(line.get("evidence") or ""),
        bool(line.get("unanswerable")) or str(line.get("answerability", "")).upper() == "UNANSWERABLE",
    )


def _names(value: object) -> Sequence[str]:
    return [value] if isinstance(value, str) else [str(one) for one in value] if isinstance(value, list) else []


def _id(line: dict[str, Any]) -> str:
    return str(line.get("id", line.get("_id", "")))


def _text(line: dict[str, Any]) -> str:
    return str(line.get("question") or line.get("text") or "")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                fields = json.loads(line)
            except ValueError as error:
                raise InvalidInput(f"Line {number} of {path.name} cannot be read.", code="bad_questions") from error
            if not isinstance(fields, dict):
                raise InvalidInput(f"Line {number} of {path.name} cannot be read.", code="bad_questions")
            yield fields
