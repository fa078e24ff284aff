"""`docchat verify-clear`: proves that a cleared chat is gone, or says what is left of it and where."""

import json
from uuid import UUID

import click

from ...errors import DocChatError
from ..home import Home, pass_home
from ..verify.findings import Proof
from ..verify.proof import prove

LEFT = 1
CANNOT_LOOK = 2


@click.command("verify-clear")
@click.argument("wanted", metavar="ID", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@pass_home
def verify_clear(home: Home, wanted: UUID, as_json: bool) -> None:
    """Prove that a chat is gone. ID is that of the chat or of a receipt.

    Exit code 0: gone; 1: something is left, or it was not cleared; 2: no such id, or nothing can be looked at.
    """
    try:
        proof = prove(home.services, wanted)
    except DocChatError as error:
        click.echo(f"Error: {error.message}", err=True)
        raise SystemExit(CANNOT_LOOK) from error
    click.echo(json.dumps({"id": str(wanted), **proof.as_dict()}) if as_json else _plain(proof))
    if not proof.proven:
        raise SystemExit(LEFT)


def _plain(proof: Proof) -> str:
    lines = [f"Looked for {proof.subject}."]
    lines += [f"ok    {checked}" for checked in proof.checked]
    lines += [f"left  {finding.where}: {finding.what}" for finding in proof.findings]
    lines.append("Gone: nothing of it is left." if proof.proven else "Not gone.")
    return "\n".join(lines)
