"""`docchat eval` and `docchat bench`: how good the answers are, and how fast everything is."""

import json
from pathlib import Path

import click

from ..bench import run_bench
from ..home import Group

_data_option = click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with docs/ and questions.jsonl.",
)


@click.group("eval", cls=Group)
def evaluate() -> None:
    """Measure the quality of docchat on documents and questions of your own."""


@click.command()
@_data_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def bench(data: Path, as_json: bool) -> None:
    """Time answers, uploads, appends and clears in a temporary library; medians and 95th percentiles."""
    result = run_bench(data)
    if as_json:
        click.echo(json.dumps(result.as_json()))
    else:
        click.echo(result.table())
