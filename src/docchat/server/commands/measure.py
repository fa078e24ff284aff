"""`docchat eval` and `docchat bench`: how good the answers are, and how fast everything is."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ...answers.evaluation.answering import Plan as AnswerPlan
from ...answers.evaluation.answering import evaluate_answers
from ...answers.evaluation.grounding import correlation, has_ratings
from ...answers.evaluation.retrieval import SIGNALS, evaluate_retrieval
from ...documents.index import Signal
from ..bench import answers_page, page, report, retrieval_page
from ..bench.run import PARTS, QUICK, Plan, run_bench
from ..home import Group, Home, pass_home, temporary_services

_REQUESTS_A_ROUND = 25

_folders_option = click.option(
    "--data",
    "folders",
    required=True,
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with documents and questions; may be repeated.",
)
_docs_option = click.option(
    "--write",
    "docs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder docs/ of a checkout: write the table there too.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")


@click.group("eval", cls=Group)
def evaluate() -> None:
    """Measure the quality of docchat on documents and questions of your own."""


@evaluate.command()
@_folders_option
@_json_option
@click.option("--mode", type=click.Choice(["quotes", "model"]), help="Quote the documents, or let the model write.")
@click.option("--absent", is_flag=True, help="Take in every other document, and ask about the others too.")
@click.option("--sample", default=0, metavar="N", help="Ask N questions of each folder only, evenly spread.")
@_docs_option
@pass_home
def answers(home: Home, /, folders: tuple[Path, ...], as_json: bool, docs: Path | None, **options: Any) -> None:
    """Ask every question of a folder in a temporary library, and count the right answers."""
    reports = []
    for folder in folders:
        with temporary_services(home.settings) as services:
            found = evaluate_answers(
                services, folder, AnswerPlan(**options), progress=lambda text: click.echo(text, err=True)
            )
        reports.append(found)
        rated = correlation(folder) if has_ratings(folder) else None
        if as_json:
            values = found.as_dict() | ({"grounding": rated.as_dict()} if rated else {})
            click.echo(json.dumps(values, ensure_ascii=False))
        else:
            click.echo(found.table() + (f"\n\n{rated.table()}" if rated else ""))
    if docs is not None:
        answers_page.write(reports, docs)


@evaluate.command()
@_folders_option
@_json_option
@click.option("--signal", "signals", multiple=True, type=click.Choice(SIGNALS), help="This one alone; may be repeated.")
@_docs_option
@pass_home
def retrieval(
    home: Home, folders: tuple[Path, ...], as_json: bool, signals: tuple[Signal, ...], docs: Path | None
) -> None:
    """Look for the right passage of every question of a folder, in a temporary library."""
    reports = []
    for folder in folders:
        with temporary_services(home.settings) as services:
            found = evaluate_retrieval(
                services, folder, signals=signals, progress=lambda text: click.echo(text, err=True)
            )
        reports.append(found)
        click.echo(json.dumps(found.as_dict(), ensure_ascii=False) if as_json else found.table())
    if docs is not None:
        retrieval_page.write(reports, docs)


def _numbers(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...]:
    """Whole numbers above 0 parted by commas, each once and in order; none for None."""
    if value is None:
        return ()
    try:
        numbers = sorted({int(part) for part in value.split(",")})
    except ValueError:
        numbers = [0]
    if numbers[0] < 1:
        raise click.BadParameter("Give whole numbers parted by commas, such as 10,1000.")
    return tuple(numbers)


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with docs/ and questions.jsonl: time uploads and answers too. For --only ingest any folder.",
)
@click.option("--quick", is_flag=True, help="Fewer rounds and smaller sizes: a minute or two.")
@click.option("--messages", metavar="N,N", callback=_numbers, help="Lengths of the chats.")
@click.option("--sessions", metavar="N,N", callback=_numbers, help="Numbers of stored chats.")
@click.option("--chunks", metavar="N", type=click.IntRange(1), help="Passages of the library that is asked.")
@click.option("--streams", metavar="N,N", callback=_numbers, help="Numbers of answers that stream at once.")
@click.option("--rounds", metavar="N", type=click.IntRange(1), help="How often each is measured in turn.")
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="This part alone; may be repeated.")
@click.option("--postgres", metavar="URL", help="A PostgreSQL whose commits are timed as a limit.")
@click.option(
    "--write",
    "docs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder docs/ of a checkout: write the tables and the plot there too.",
)
@_json_option
@pass_home
def bench(home: Home, /, docs: Path | None, as_json: bool, **options: Any) -> None:
    """Time docchat beside its peers and this machine's limits, in temporary libraries.

    Peers that are not installed are left out, and the report says so.
    """
    result = run_bench(home.settings, _plan(**options), progress=lambda text: click.echo(text, err=True))
    if docs is not None:
        page.write(result, docs)
    click.echo(json.dumps(report.document(result)) if as_json else report.text(result))


def _plan(
    *,
    data: Path | None,
    quick: bool,
    messages: tuple[int, ...],
    sessions: tuple[int, ...],
    chunks: int | None,
    streams: tuple[int, ...],
    rounds: int | None,
    only: tuple[str, ...],
    postgres: str | None,
) -> Plan:
    plan = QUICK if quick else Plan()
    return replace(
        plan,
        data=data,
        lengths=messages or plan.lengths,
        sessions=sessions or plan.sessions,
        chunks=chunks or plan.chunks,
        streams=streams or plan.streams,
        rounds=rounds or plan.rounds,
        requests=plan.requests if rounds is None else rounds * _REQUESTS_A_ROUND,
        parts=only or plan.parts,
        postgres_url=postgres,
    )
