"""What reads documents and writes answers: the sandbox with its readers, and the model server."""

from collections.abc import Iterator
from importlib.metadata import version

import httpx

from ..home import Home
from .finding import Finding

_MODEL_SECONDS = 5.0
_SAMPLES = (("plain.txt", b"The doctor reads."), ("page.html", b"<p>The doctor reads.</p>"))


def check_readers(home: Home) -> Iterator[Finding]:
    """Reads two files as an upload would be read."""
    for name, content in _SAMPLES:
        parts = home.services.library.sandbox.read([content], name=name)
        if not any("The doctor reads" in part.text for part in parts):
            yield Finding("fail", f"the reader of {name.partition('.')[2]} files does not work")
    yield Finding("ok", ", ".join(f"{package} {version(package)}" for package in ("pypdfium2", "kreuzberg")))


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
