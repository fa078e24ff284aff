"""What reads documents and writes answers: the sandbox with its readers, and the model server."""

import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import version

import httpx

from ...documents import sql_index_check
from ...errors import ModelUnavailable
from ..home import Home
from .finding import Finding

_MODEL_SECONDS = 5.0
_TESSERACT_SECONDS = 10.0
_SAMPLES = (("plain.txt", b"The doctor reads."), ("page.html", b"<p>The doctor reads.</p>"))


def check_readers(home: Home) -> Iterator[Finding]:
    """Reads two files as an upload would be read."""
    for name, content in _SAMPLES:
        parts = home.services.library.sandbox.read([content], name=name)
        if not any("The doctor reads" in part.text for part in parts):
            yield Finding("fail", f"the reader of {name.partition('.')[2]} files does not work")
    yield Finding("ok", ", ".join(f"{package} {version(package)}" for package in ("pypdfium2", "kreuzberg")))


def check_pictures(home: Home) -> Iterator[Finding]:
    """Whether text is read from pictures, and in which languages."""
    wanted, program = home.settings.ocr_languages, shutil.which("tesseract")
    if wanted == "off":
        yield Finding("ok", "pictures of text are not read: DOCCHAT_OCR_LANGUAGES is off")
        return
    if program is None:
        yield Finding("ok", "pictures of text are not read: tesseract is not installed")
        return
    try:
        done = subprocess.run(  # noqa: S603  (a fixed command)
            [program, "--list-langs"], capture_output=True, text=True, timeout=_TESSERACT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        yield Finding("fail", f"tesseract does not run ({type(error).__name__})")
        return
    installed = sorted(set(done.stdout.split("\n")[1:-1]) - {"osd", "equ"})
    missing = [name for name in wanted.split("+") if name and name not in installed]
    if missing:
        yield Finding("fail", f"tesseract lacks {', '.join(missing)} of DOCCHAT_OCR_LANGUAGES")
    yield Finding("ok", f"pictures of text are read by tesseract, in {wanted or ', '.join(installed)}")


def check_meaning(home: Home) -> Iterator[Finding]:
    """Whether passages are found by meaning too, and how many are still to be embedded."""
    services = home.services
    try:
        name = services.library.index.embedder
    except ModelUnavailable as error:
        yield Finding("fail", error.message)
        return
    if not name:
        yield Finding("ok", "passages are found by their words alone (the extra `semantic` finds them by meaning too)")
        return
    waiting = sql_index_check.without_vectors(services.database, name)
    yield Finding("ok", f"passages are found by meaning too, with {name}; {waiting} documents wait for their vectors")


def check_model(home: Home) -> Iterator[Finding]:
    """Asks the model server for its models."""
    settings = home.settings
    if not settings.model_url:
        yield Finding("ok", "no model is connected: answers quote the documents (DOCCHAT_MODEL_URL connects one)")
        return
    headers = {"Authorization": f"Bearer {settings.model_key}"} if settings.model_key else {}
    try:
        answer = httpx.get(f"{settings.model_url.rstrip('/')}/models", headers=headers, timeout=_MODEL_SECONDS)
    except httpx.HTTPError as error:
        yield Finding("fail", f"the model server at {settings.model_url} does not answer ({type(error).__name__})")
        return
    if answer.is_success:
        yield Finding("ok", f"model server at {settings.model_url}")
    else:
        yield Finding("fail", f"the model server at {settings.model_url} answers {answer.status_code} to /models")
