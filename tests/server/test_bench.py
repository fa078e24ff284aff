"""The benchmark: a whole small run of the command, and its parts on made-up figures."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from multiprocessing import Pipe
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from docchat.config import Settings
from docchat.errors import Cleared, DocChatError, InvalidInput
from docchat.extension import build_services
from docchat.server.bench import (
    answers,
    cancels,
    chats,
    http,
    ingest,
    limits,
    memory,
    page,
    peers,
    plot,
    postgres,
    report,
    stored,
    streams,
    unreadable,
)
from docchat.server.bench.bars import bars
from docchat.server.bench.founding import FoundingStore
from docchat.server.bench.limits import Limits
from docchat.server.bench.measure import OURS, OWNER, Figure, Key, Recorder, Result, Series
from docchat.server.bench.run import PARTS
from docchat.server.bench.stores import DocChatStore, Store
from docchat.server.cli import main
from docchat.server.home import close, temporary_services

from .live import docchat

DOCS = Path(__file__).parents[2] / "docs"
_ANSWERED = (answers.ANSWERS, streams.STREAMS, cancels.CANCELS)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents and a question to measure on, and a copy of the page that is written to."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "docs").mkdir()
    (folder / "docs" / "bread.md").write_text("# Bread\n\nThe dough has to rest for 18 hours before it is baked.\n")
    (folder / "questions.jsonl").write_text('{"question": "How long has the dough to rest?"}\n')
    (folder / "written" / "reference").mkdir(parents=True)
    (folder / "written" / "images").mkdir()
    shutil.copy(DOCS / page.PAGE, folder / "written" / page.PAGE)
    return folder


@pytest.fixture(scope="module")
def done(folder: Path) -> subprocess.CompletedProcess[str]:
    """One small run with everything in it."""
    sizes = ("--messages", "4,60", "--sessions", "30,60", "--rounds", "1")
    parts = [word for part in PARTS if part not in _ANSWERED for word in ("--only", part)]
    done = docchat(
        folder / "unused", "bench", "--data", str(folder), *sizes, *parts, "--write", str(folder / "written"), "--json"
    )
    assert done.returncode == 0, done.stderr
    return done


def test_every_part_is_measured(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    found = json.loads(done.stdout)
    measured = {(item["part"], item["who"], item["what"], item["size"]) for item in found["times"]}
    for who in (OURS, "founding document"):
        for length in (4, 60):
            assert {(chats.CHATS, who, what, length) for what in (chats.APPEND, chats.LOAD, chats.CLEAR)} <= measured
            assert (unreadable.UNREADABLE, who, unreadable.ALONE, length) in measured
    assert (unreadable.UNREADABLE, OURS, unreadable.BUSY, unreadable.BUSY_LENGTH) in measured
    verbs = (stored.START, stored.APPEND, stored.LOAD, stored.LIST, stored.CLEAR)
    assert {(stored.STORED, OURS, what, size) for what in verbs for size in (30, 60)} <= measured
    assert {(http.HTTP, OURS, http.CLEAR, size) for size in (30, 60)} <= measured
    assert {"answer: first event", "answer: complete", "document: upload to searchable"} <= {key[2] for key in measured}
    assert {limits.RAW_APPEND, limits.RAW_SLOT, limits.SQLITE_COMMIT} <= {key[1] for key in measured}
    assert all(
        0 < item["median_ms"] <= item["p95_ms"] <= item["p99_ms"] for item in found["times"] if item["who"] == OURS
    )
    assert {"who": OURS, "part": memory.OPEN, "what": memory.DESCRIPTORS, "value": 0} in found["figures"]
    assert {(ingest.INGEST, who, ingest.FIRST, 0) for who in (OURS, ingest.BARE)} <= measured
    assert (ingest.INGEST, OURS, ingest.AGAIN, 0) in measured
    assert {"who": OURS, "part": ingest.INGEST, "what": ingest.FILES, "value": 1} in found["figures"]
    assert len(found["bars"]) == 28
    assert not (folder / "unused").exists()


def test_answers_are_measured(tmp_path: Path) -> None:
    parts = [word for part in _ANSWERED for word in ("--only", part)]
    done = docchat(tmp_path, "bench", *parts, "--rounds", "1", "--chunks", "500", "--streams", "3", "--json")
    found = json.loads(done.stdout)
    measured = {(item["part"], item["who"], item["what"], item["size"]) for item in found["times"]}
    assert (answers.ANSWERS, OURS, answers.FIRST_TEXT, 0) in measured
    assert {(answers.ANSWERS, who, answers.MODEL_ALL, 0) for who in (OURS, answers.BARE)} <= measured
    kinds = [streams.THREADS, *([streams.GEVENT] if find_spec("gevent") else [])]
    assert {(streams.STREAMS, kind, what, 3) for kind in kinds for what in (streams.PING, streams.FIRST)} <= measured
    told = {(item["who"], item["what"]): item["value"] for item in found["figures"] if item["part"] == streams.STREAMS}
    cuts = (cancels.CLEAR_READER, cancels.CLEAR_MODEL, cancels.STOP_MODEL, cancels.LEFT_MODEL)
    assert {(cancels.CANCELS, OURS, what, 0) for what in cuts} <= measured
    assert {"part": cancels.CANCELS, "who": OURS, "what": cancels.BACK, "value": 0} in found["figures"]
    left = next(item for item in found["times"] if item["what"] == cancels.LEFT_MODEL)
    assert left["median_ms"] > 1000 * cancels.GRACE_SECONDS
    assert all((told[kind, "percent of the text, 3"], told[kind, "failed, 3"]) == (100, 0) for kind in kinds)


def test_a_peer_that_is_missing_is_named(done: subprocess.CompletedProcess[str]) -> None:
    notes = json.loads(done.stdout)["notes"]
    for name, module in ((peers.SQLITE_SESSION, "agents"), (peers.LANGCHAIN, "langchain_community")):
        said = any(note.startswith(f"{name}: not installed") for note in notes)
        assert said == (find_spec(module) is None)


def test_the_page_and_the_plot_are_written(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    before, after = (DOCS / page.PAGE).read_text(), (folder / "written" / page.PAGE).read_text()
    assert after.startswith(before.partition(page.BEGIN)[0] + page.BEGIN)
    assert after.endswith(page.END + before.partition(page.END)[2])
    assert "### Clear, by the number of messages\n\n|  | 4 | 60 | last : first |\n| --- | ---: | ---: | ---: |" in after
    assert f"../{page.PLOT}" in after
    assert re.search(r"\nProcessors: \d+\. Load average: \d+\.\d at the start, \d+\.\d at the end\.\n", after)
    drawn = ElementTree.parse(folder / "written" / page.PLOT).getroot()
    lines = list(drawn.iter(f"{SVG}polyline"))
    labels = [text.text or "" for text in drawn.iter(f"{SVG}text")]
    assert len(lines) >= 2
    assert all(len((line.get("points") or "").split()) == 2 for line in lines)
    assert any(label.startswith("docchat ") for label in labels)
    assert any(label.startswith("founding document ") for label in labels)


@pytest.mark.parametrize("wrong", ["ten", "10,", "0,5", ""])
def test_an_option_that_is_no_list_of_numbers_is_refused(wrong: str) -> None:
    done = CliRunner().invoke(main, ["bench", "--messages", wrong])
    assert done.exit_code == 2
    assert "whole numbers" in done.output


def test_percentiles_are_the_nearest_rank() -> None:
    hundred = Series(Key("", "", ""), tuple(float(number) for number in range(100, 0, -1)))
    assert (hundred.median, hundred.percentile(95), hundred.percentile(99), hundred.percentile(100)) == (
        50.5,
        95,
        99,
        100,
    )
    assert Series(Key("", "", ""), (7.0,)).percentile(95) == 7.0
    assert Series(Key("", "", ""), (1.0, 2.0, 3.0, 4.0)).percentile(99) == 4.0


def _result(times: dict[Key, tuple[float, ...]], *figures: Figure) -> Result:
    return Result(tuple(Series(key, values) for key, values in times.items()), figures, ())


def _verdicts(result: Result) -> dict[str, str]:
    return {bar.name: bar.verdict for bar in bars(result)}


def test_bars_are_met_missed_or_not_measured() -> None:
    clear, founding = Key(chats.CHATS, OURS, chats.CLEAR), Key(chats.CHATS, "founding document", chats.CLEAR)
    peer = Key(chats.CHATS, peers.SQLITE_SESSION, chats.CLEAR)
    result = _result(
        {
            clear._replace(size=10): (0.5,),
            clear._replace(size=10_000): (0.8,),
            founding._replace(size=10_000): (0.7,),
            peer._replace(size=10_000): (40.0,),
        },
        Figure(memory.OPEN, OURS, memory.DESCRIPTORS, 999),
    )
    verdicts = _verdicts(result)
    assert verdicts["clear of 10,000 messages: faster than SQLiteSession"] == "met"
    assert verdicts["clear of 10,000 messages: faster than the founding function"] == "missed"
    assert verdicts["clear: 10,000 messages against 10"] == "missed"
    assert verdicts["descriptors of an open chat"] == "met"
    assert verdicts["clear over HTTP, 4 workers, 20 messages: p99"] == "not measured"
    assert set(_verdicts(_result({})).values()) == {"not measured"}


def test_the_tables_show_ratios_and_gaps() -> None:
    key = Key(chats.CHATS, OURS, chats.CLEAR)
    other = Key(chats.CHATS, "some peer", chats.CLEAR, 10)
    text = report.text(_result({key._replace(size=10): (2.0,), key._replace(size=100): (3.0,), other: (120.0,)}))
    rows = [line.split() for line in text.splitlines()]
    assert ["docchat", "2.00", "[2.00]", "3.00", "[3.00]", "1.50"] in rows
    assert ["some", "peer", "120", "[120]", "-", "-"] in rows


def test_labels_at_the_end_of_the_lines_do_not_cover_each_other() -> None:
    times = {
        Key(chats.CHATS, who, chats.CLEAR, size): (1.0 + number / 100,)
        for number, who in enumerate((OURS, peers.SQLALCHEMY_SESSION, "two & three"))
        for size in (10, 1000)
    }
    drawn = plot.svg(_result(times))
    assert drawn is not None
    labels = [text for text in ElementTree.fromstring(drawn).iter(f"{SVG}text") if (text.get("class") or "")[0] == "f"]
    heights = sorted(float(label.get("y") or 0) for label in labels)
    assert len(heights) == 3
    assert all(below - above >= 12 for above, below in pairwise(heights))
    width = float(ElementTree.fromstring(drawn).get("width") or 0)
    assert all(float(label.get("x") or 0) + 7 * len(label.text or "") <= width for label in labels)
    assert "prefers-color-scheme: dark" in drawn
    assert plot.svg(_result({Key(chats.CHATS, OURS, chats.CLEAR, 10): (1.0,)})) is None


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    target = tmp_path / page.PAGE
    target.write_text("A page of somebody else.")
    with pytest.raises(InvalidInput):
        page.write(_result({}), tmp_path)
    assert target.read_text() == "A page of somebody else."
    with pytest.raises(InvalidInput):
        page.write(_result({}), tmp_path / "nowhere")


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[list[Store]]:
    """docchat, the founding document's function and every peer that is installed."""
    (tmp_path / "founding").mkdir()
    with temporary_services(Settings(data_dir=tmp_path)) as services:
        stores = [DocChatStore(services), FoundingStore(tmp_path / "founding"), *peers.available(tmp_path)[0]]
        yield stores
        for store in stores:
            store.close()


def test_every_store_does_what_is_timed(stores: list[Store]) -> None:
    for store in stores:
        chat = store.begin(6)
        assert chat.left() == 6, store.name
        assert chat.append() > 0
        assert chat.left() == 8, store.name
        store.settle()
        assert chat.left() == 8, store.name
        assert chat.load() > 0
        assert chat.held() is not None
        assert chat.clear() > 0
        assert chat.left() == 0, store.name
        chat.close()


def test_a_store_that_clears_nothing_is_not_listed_as_fast(tmp_path: Path) -> None:
    class Lazy(FoundingStore):
        name = "lazy"

        def begin(self, messages: int) -> Any:
            chat = super().begin(messages)
            chat.clear = lambda: 0.001  # type: ignore[method-assign]
            return chat

    (tmp_path / "lazy").mkdir()
    raw = Limits(tmp_path, None)
    with pytest.raises(DocChatError, match="lazy has 26 messages"):
        chats.measure_chats(Recorder(), [Lazy(tmp_path / "lazy")], raw, lengths=(6,), rounds=1, progress=print)
    raw.close()


def test_stored_chats_are_whole(settings: Settings) -> None:
    stored.build(settings, 25, owner=OWNER)
    services = build_services(settings)
    try:
        page = services.store.list(owner=OWNER, limit=100)
        assert [item.title for item in page.items] == [f"Chat {no} about the handbook" for no in range(25, 0, -1)]
        assert all(len(services.store.messages(owner=OWNER, session_id=item.id).items) == 2 for item in page.items)
        assert services.keyring.handed_out() == 50
        services.clearing.clear(owner=OWNER, session_id=page.items[3].id)
        with pytest.raises(Cleared):
            services.store.get(owner=OWNER, session_id=page.items[3].id)
        assert services.clearing.reconcile(patience=0) == 0
    finally:
        close(services)


def test_without_a_postgresql_at_hand_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "find_spec", lambda name: None)
    with postgres.postgres(None) as url:
        assert url is None
    with postgres.postgres("postgresql://somewhere/else") as url:
        assert url == "postgresql://somewhere/else"


def test_a_reader_that_ends_or_still_reads_stops_the_run() -> None:
    ours, theirs = Pipe()
    theirs.send("A chat could be read after its keys were gone.")
    with pytest.raises(DocChatError, match="could be read"):
        unreadable.answer_of(ours)
    theirs.close()
    with pytest.raises(DocChatError, match="ended too early"):
        unreadable.answer_of(ours)
    ours.close()
