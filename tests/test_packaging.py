"""The wheel: it holds what the pages need, installs, and its commands start."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
PACKAGE = CHECKOUT / "src" / "docchat"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(target), str(CHECKOUT))
    (found,) = target.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's own content in a folder; what it depends on comes from the environment of the tests."""
    target = tmp_path_factory.mktemp("site")
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(target), str(wheel))
    return target


def run(*command: str, **environ: str) -> str:
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environ}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    in_checkout = {
        f"docchat/{path.relative_to(PACKAGE).as_posix()}"
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    in_wheel = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert in_wheel == in_checkout
    assert "docchat/py.typed" in in_wheel
    assert "docchat/web/templates/docchat/chat.html" in in_wheel
    assert any(name.startswith("docchat/web/static/") and name.endswith(".js") for name in in_wheel)
    assert any(name.startswith("docchat/web/static/") and name.endswith(".css") for name in in_wheel)


def test_the_licence_comes_along(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_installed_command_starts(installed: Path, tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(installed), "DOCCHAT_DATA_DIR": str(tmp_path / "data")}
    where = run(sys.executable, "-c", "import docchat; print(docchat.__file__)", **environment)
    assert Path(where.strip()).is_relative_to(installed)
    assert "serve" in run(str(installed / "bin" / "docchat"), "--help", **environment)
    assert run(str(installed / "bin" / "docchat"), "user", "list", **environment) == ""


def test_flask_finds_the_commands_of_a_mounted_docchat(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from flask import Flask\n"
        "from docchat import DocChat\n"
        "app = Flask(__name__)\n"
        "DocChat(app, current_user_id=lambda: 'ann')\n"
    )
    environment = {"PYTHONPATH": str(installed), "DOCCHAT_DATA_DIR": "", "FLASK_APP": str(tmp_path / "app.py")}
    helped = run(sys.executable, "-m", "flask", "docchat", "--help", **environment)
    assert "ingest" in helped
    assert "serve" not in helped
    assert "\n  user" not in helped
    listed = run(sys.executable, "-m", "flask", "docchat", "sessions", "list", "--user", "ann", **environment)
    assert listed == ""
    assert (tmp_path / "instance" / "docchat").is_dir()
