"""The command line: `docchat ...` for the standalone server, `flask docchat ...` inside a host's application."""

import os

import click
from flask.cli import ScriptInfo

from .commands.ask import ask
from .commands.backup import backup, restore_command
from .commands.doctor import doctor
from .commands.erase import erase
from .commands.ingest import demo, ingest
from .commands.keys import keys
from .commands.measure import bench, evaluate
from .commands.serve import serve, worker
from .commands.sessions import sessions
from .commands.users import user
from .commands.verify_clear import verify_clear
from .home import Group, Home, MountedHome

_SHARED = (
    ask,
    backup,
    bench,
    doctor,
    erase,
    evaluate,
    ingest,
    keys,
    restore_command,
    sessions,
    verify_clear,
    worker,
)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flask-docchat")
@click.option("--data-dir", metavar="DIR", help="Where everything is stored (default: DOCCHAT_DATA_DIR).")
@click.pass_context
def main(ctx: click.Context, data_dir: str | None) -> None:
    """Chat with your documents; answers quote their sources, and a cleared chat is gone.

    Settings are environment variables: DOCCHAT_DATA_DIR, DOCCHAT_DATABASE_URL, DOCCHAT_MODEL_URL and others.
    """
    os.umask(0o077)  # whatever is made from here on is for this user alone
    home = Home({} if data_dir is None else {"DOCCHAT_DATA_DIR": data_dir})
    ctx.obj = home
    ctx.call_on_close(home.close)


@click.group("docchat", cls=Group)
@click.pass_context
def flask_group(ctx: click.Context) -> None:
    """Work on the docchat of this application."""
    app = ctx.ensure_object(ScriptInfo).load_app()
    if "docchat" not in app.extensions:
        raise click.ClickException("This application has no docchat: call DocChat(app) first.")
    ctx.with_resource(app.app_context())
    ctx.obj = MountedHome(app.extensions["docchat"])


for _command in _SHARED:
    main.add_command(_command)
    flask_group.add_command(_command)
for _command in (demo, serve, user):
    main.add_command(_command)
