"""The key that signs cookies: made once, kept in the data directory, the same for every process and start."""

import os
import secrets
from pathlib import Path

from ..errors import ConfigError

FILE_NAME = "secret.key"
_BYTES = 32


def load_secret_key(directory: Path) -> bytes:
    """Read the key, or make it. Raises ConfigError when the file is damaged or cannot be written.

    Two processes that start at once get the same key: the file appears under its name complete or not at all.
    """
    path = directory / FILE_NAME
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"The data directory {directory} cannot be used ({os.strerror(error.errno or 0)}). "
            "Set DOCCHAT_DATA_DIR to a directory that is writable for the user that runs docchat."
        ) from error
    if len(key) != _BYTES:
        raise ConfigError(f"{path} is damaged. Remove it to get a new one; everybody has to sign in again.")
    return key


def _make(path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return  # another process was faster: its key counts
        _sync(path.parent)
    finally:
        temporary.unlink()


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
