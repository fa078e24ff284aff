"""`docchat eval` and `docchat bench`: how good the answers are, and how fast everything is."""

import json
from pathlib import Path

import click

from ...answers.evaluate import evaluate_answers
from ...types import Mode
from ..bench import run_bench
from ..home import Group, Home, pass_home, temporary_services

_data_option = click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with docs/ and questions.jsonl.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")


@click.group("eval", cls=Group)
def evaluate() -> None:
    """Measure the quality of docchat on documents and questions of your own."""


@evaluate.command()
@_data_option
@_json_option
@click.option("--mode", type=click.Choice(["quotes", "model"]), help="Quote the documents, or let the model write.")
@pass_home
def answers(home: Home, data: Path, as_json: bool, mode: Mode | None) -> None:
    """Ask every question of a folder in a temporary library, and count the right answers."""
    with temporary_services(home.settings) as services:
        report = evaluate_answers(services, data, mode=mode)
    click.echo(json.dumps(report.as_dict(), ensure_ascii=False) if as_json else report.table())


@click.command()
@_data_option
@_json_option
@pass_home
def bench(home: Home, data: Path, as_json: bool) -> None:
    """Time answers, uploads, appends and clears in a temporary library; medians and 95th percentiles."""
    with temporary_services(home.settings) as services:
        result = run_bench(services, data)
    click.echo(json.dumps(result.as_json()) if as_json else result.table())
