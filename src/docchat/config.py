"""Settings: one frozen value, read from a mapping with the prefix DOCCHAT_; an unknown key is an error."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from .errors import ConfigError

PREFIX = "DOCCHAT_"
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator may set, each as DOCCHAT_<FIELD NAME IN CAPITALS>."""

    data_dir: Path
    """Directory of everything docchat stores; created 0700 when missing."""
    database_url: str = field(default="", repr=False)
    """SQLAlchemy URL of the content database; empty: `docchat.sqlite3` in the data directory."""
    keyring_url: str = field(default="", repr=False)
    """SQLAlchemy URL of a database for the keys alone; empty: the slot file in `keys/` of the data directory."""
    master_key: str = field(default="", repr=False)
    """The key that wraps all others: `number:64 hex digits`, older ones after commas; empty: the file `master.key`."""
    clear_undo_seconds: float = 0.0
    """How long a clear can be undone; until then its keys are withheld, not destroyed. 0: destroyed at once."""
    retention_days: float = 0.0
    """Chats older than this are deleted; 0: never."""
    retention_idle_days: float = 0.0
    """Chats not written to for so long are deleted; 0: never."""
    model_url: str = ""
    """Base URL of an OpenAI-compatible server (with /v1); empty: answers quote the documents."""
    model_name: str = ""
    """Name of the model to ask for; empty: the first the server lists."""
    model_key: str = field(default="", repr=False)
    """Bearer token for the model server."""
    embedder_url: str = ""
    """Base URL of an OpenAI-compatible server for embeddings (with /v1); empty: what the extra `semantic` brings."""
    embedder_name: str = ""
    """Name of the model for embeddings; empty: the first the server lists. `off`: search by words alone."""
    embedder_key: str = field(default="", repr=False)
    """Bearer token for the server for embeddings."""
    model_timeout_seconds: float = 60.0
    """Longest silence of the model server before an answer is given up."""
    model_context_tokens: int = 4096
    """Size of the model's window; passages and history are fitted into it."""
    url_prefix: str = ""
    """Path under which the blueprint is mounted, for example /chat."""
    worker: Literal["thread", "external"] = "thread"
    """Who runs background jobs: a thread in each process, or `docchat worker` alone."""
    max_upload_bytes: int = 50 * MEGABYTE
    """Largest file that may be uploaded."""
    max_question_chars: int = 8000
    """Longest question."""
    answers_per_day: int = 0
    """Answers of a model that one user may ask for in a day (UTC); 0: no limit."""
    max_running_answers: int = 3
    """Answers one user may have running at a time in one process."""
    max_answers: int = 200
    """Answers that one process makes at a time; who asks for one more is told to come back."""
    answer_grace_seconds: float = 60.0
    """How long a model goes on with an answer that nobody follows any more."""
    parse_seconds: float = 60.0
    """Longest time for reading one document."""
    parse_memory_bytes: int = 1024 * MEGABYTE
    """Most memory for reading one document."""
    fetch_allow: str = ""
    """Hosts that files may be fetched from, parted by commas; empty: nothing is fetched from the web."""
    ocr_languages: str = ""
    """Tesseract's languages for pictures of text, such as eng+deu; empty: its first four; off: unread."""
    password_min_length: int = 12
    """Shortest password (standalone server)."""
    trusted_proxies: int = 0
    """Number of reverse proxies in front of the standalone server whose X-Forwarded headers are believed."""
    store_timeout_seconds: float = 2.5
    """Longest wait for the database before a request is answered 503."""

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], *, data_dir: Path) -> "Settings":
        """Read the DOCCHAT_ keys of `mapping`; `data_dir` is used when it names none. Raises ConfigError."""
        known = {PREFIX + field.name.upper(): field for field in fields(cls)}
        given = {key: value for key, value in mapping.items() if key.startswith(PREFIX)}
        for key in given:
            if key not in known:
                raise ConfigError(f"Unknown setting {key}. Known settings: {', '.join(sorted(known))}.")
        values: dict[str, Any] = {"data_dir": data_dir}
        for key, value in given.items():
            if value is not None and value != "":
                values[known[key].name] = _convert(key, known[key].name, value)
        settings = cls(**values)
        settings.check()
        return settings

    def check(self) -> None:
        """Raise ConfigError when values do not make sense together."""
        if self.worker not in ("thread", "external"):
            raise ConfigError("DOCCHAT_WORKER must be 'thread' or 'external'.")
        if self.url_prefix and (not self.url_prefix.startswith("/") or self.url_prefix.endswith("/")):
            raise ConfigError("DOCCHAT_URL_PREFIX must start with / and not end with it, for example /chat.")
        if self.model_url and urlsplit(self.model_url).scheme not in ("http", "https"):
            raise ConfigError("DOCCHAT_MODEL_URL must be an http or https URL, for example http://127.0.0.1:8080/v1.")
        if self.embedder_url and urlsplit(self.embedder_url).scheme not in ("http", "https"):
            raise ConfigError(
                "DOCCHAT_EMBEDDER_URL must be an http or https URL, for example http://127.0.0.1:8080/v1."
            )
        if self.keyring_url and self.keyring_url == self.effective_database_url:
            raise ConfigError(
                "DOCCHAT_KEYRING_URL must not be the content database: keys have to live apart from what they open."
            )
        for name in _POSITIVE:
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"{PREFIX}{name.upper()} must be a number greater than 0.")
        for name in _NOT_NEGATIVE:
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{PREFIX}{name.upper()} must be 0 or more.")

    @property
    def effective_database_url(self) -> str:
        """The database URL, the default SQLite file included."""
        return self.database_url or f"sqlite:///{self.data_dir / 'docchat.sqlite3'}"


_INTEGERS = (
    "model_context_tokens",
    "max_upload_bytes",
    "max_question_chars",
    "answers_per_day",
    "max_running_answers",
    "max_answers",
    "parse_memory_bytes",
    "password_min_length",
    "trusted_proxies",
)
_NUMBERS = (
    "model_timeout_seconds",
    "answer_grace_seconds",
    "parse_seconds",
    "store_timeout_seconds",
    "clear_undo_seconds",
    "retention_days",
    "retention_idle_days",
)
_NOT_NEGATIVE = ("answers_per_day", "trusted_proxies", "clear_undo_seconds", "retention_days", "retention_idle_days")
_POSITIVE = tuple(name for name in _INTEGERS + _NUMBERS if name not in _NOT_NEGATIVE)


def _convert(key: str, name: str, value: object) -> object:
    try:
        if name == "data_dir":
            return Path(str(value)).expanduser().absolute()
        if name in _INTEGERS:
            return int(str(value))
        if name in _NUMBERS:
            return float(str(value))
    except ValueError as error:
        raise ConfigError(f"{key} must be a number.") from error
    return str(value)
