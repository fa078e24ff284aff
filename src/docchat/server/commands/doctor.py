"""`docchat doctor`: looks at everything an installation needs, says what is wrong, and repairs what can be repaired."""

import json
from collections.abc import Iterable, Iterator

import click

from ...errors import DocChatError
from ..doctor import content, directory, index, keys, log, reading
from ..doctor.finding import Check, Finding
from ..home import Home, pass_home

CHECKS: tuple[Check, ...] = (
    directory.check,
    content.check_rows,
    keys.check,
    content.check_originals,
    index.check,
    index.check_files,
    log.check,
    reading.check_readers,
    reading.check_pictures,
    reading.check_meaning,
    reading.check_model,
)


@click.command()
@click.option(
    "--repair", is_flag=True, help="Finish clears, sweep what belongs to nothing, mend the index, close modes."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line instead.")
@pass_home
def doctor(home: Home, repair: bool, as_json: bool) -> None:
    """Check the data directory, database, keys, readers and model server; exit 1 when something stays wrong.

    Damage (a lost key, a lost original) is told and never swept.
    """
    failed = False
    for level, text in _look(home, repair=repair):
        failed |= level == "fail"
        click.echo(json.dumps({"level": level, "text": text}) if as_json else f"{level:5} {text}")
    if failed:
        raise SystemExit(1)


def _look(home: Home, *, repair: bool) -> Iterator[tuple[str, str]]:
    for check in CHECKS:
        try:
            if repair:
                yield from _repaired(check(home))
            yield from ((finding.level, finding.text) for finding in check(home))
        except DocChatError as error:
            yield ("fail", error.message)
            return  # without settings, database and keys there is nothing further to look at


def _repaired(findings: Iterable[Finding]) -> Iterator[tuple[str, str]]:
    """Put right what can be; whether it is right is seen when it is looked at again."""
    for finding in findings:
        if finding.level != "ok" and finding.repair is not None and (done := finding.repair()):
            yield ("fixed", f"{finding.text}: {done}")
