"""The master keys, by number: in lines of the file `master.key`, or in a setting that takes its place.

A line is `docchat-master-key <number> <64 hex digits>`. A new key is a line more; a retired one is overwritten in place
with dashes. Lines that are neither (an append that was cut off) are passed over. Which number is in use is written in
the keyring, so that running processes look again when they meet one they do not know.
"""

import errno
import fcntl
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ConfigError, KeyDamaged, StorageFull, StoreUnavailable
from .cipher import KEY_BYTES, MasterKey, new_key, sync_directory

logger = logging.getLogger(__name__)

MOST = 65535
"""The highest number a slot can name."""
_LINE = re.compile(rb"^docchat-master-key (\d{1,5}) ([0-9a-fA-F]{64}|-{64})[ \t\r]*$", re.MULTILINE)
_RETIRED = b"-" * 2 * KEY_BYTES


class MasterKeys:
    """The master keys this host has. The file is read again whenever a number is asked for that is not known."""

    def __init__(self, path: Path, setting: str = "") -> None:
        self.path = path
        self._setting = setting
        self._keys: dict[int, MasterKey] = {}

    @property
    def from_setting(self) -> bool:
        """Whether DOCCHAT_MASTER_KEY stands for the file."""
        return bool(self._setting)

    @property
    def place(self) -> str:
        """Where the keys are, for messages."""
        return "the setting DOCCHAT_MASTER_KEY" if self._setting else f"the file {self.path}"

    def load_or_make(self, *, make: bool) -> None:
        """Read the keys; with `make`, make the first one when there is none. Raises ConfigError."""
        if make and not self._setting and not self.path.exists():
            self._make()
        self._keys = self._read()

    def named(self, number: int) -> MasterKey:
        """The key of this number. Raises KeyDamaged when this host does not have it (which is never "cleared")."""
        key = self._keys.get(number)
        if key is None:
            try:
                self._keys = self._read()
                return self._keys[number]
            except (ConfigError, KeyError) as error:
                logger.error("this host does not have master key %d: see docchat keys status", number)  # noqa: TRY400
                raise KeyDamaged from error
        return key

    def numbers(self) -> tuple[int, ...]:
        """Numbers of the keys that are there now, ascending. Raises ConfigError."""
        self._keys = self._read()
        return tuple(sorted(self._keys))

    def add(self, *, above: int) -> int:
        """Make a new key with a number above all others and `above`, durable; its number. Raises ConfigError."""
        if self._setting:
            raise ConfigError(
                f"DOCCHAT_MASTER_KEY holds no newer key. Add one in front, {above + 1} and a colon and the output of "
                "`openssl rand -hex 32`, on every host; start docchat again, then run this command again."
            )
        with self._file() as descriptor:
            content = _content(descriptor)
            number = max(above, *(int(line[1]) for line in _LINE.finditer(content))) + 1
            if number > MOST:
                raise ConfigError(f"There are no numbers left for a master key ({MOST} is the last).")
            gap = b"" if content.endswith(b"\n") else b"\n"
            _write(descriptor, gap + _line(number, new_key()), len(content))
        return number

    def retire(self, *, below: int) -> int:
        """Overwrite the keys with lower numbers in place, durably; how many there were. A setting is left alone."""
        if self._setting:
            return 0
        with self._file() as descriptor:
            old = [line for line in _LINE.finditer(_content(descriptor)) if int(line[1]) < below]
            old = [line for line in old if line[2] != _RETIRED]
            for line in old:
                _write(descriptor, _RETIRED, line.start(2))
        self._keys = self._read()
        return len(old)

    def _read(self) -> dict[int, MasterKey]:
        if self._setting:
            return _parse_setting(self._setting)
        try:
            content = self.path.read_bytes()
        except FileNotFoundError as error:
            raise ConfigError(
                f"The master key {self.path} is missing. Without it no stored chat can be read: "
                "put it back from your key backup."
            ) from error
        except OSError as error:
            raise self._damaged() from error
        lines = [line for line in _LINE.finditer(content) if line[2] != _RETIRED]
        if not lines:
            raise self._damaged()
        return {int(line[1]): MasterKey(int(line[1]), bytes.fromhex(line[2].decode())) for line in lines}

    def _damaged(self) -> ConfigError:
        return ConfigError(
            f"The master key {self.path} is damaged or cannot be read. Put it back from your key backup, readable for "
            "the user that runs docchat."
        )

    def _make(self) -> None:
        # Complete under another name first: a start that is killed here leaves no half a key behind.
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write(descriptor, _line(1, new_key()), 0)
        finally:
            os.close(descriptor)
        try:
            os.link(draft, self.path)  # never replaces a file that another process has just made
        except FileExistsError:
            return
        finally:
            draft.unlink()
        sync_directory(self.path.parent)
        logger.warning(
            "Made the master key: the file %s/%s of the data directory. Whoever loses it loses every chat, for good. "
            "Back it up now, apart from the data.",
            self.path.parent.name,
            self.path.name,
        )

    @contextmanager
    def _file(self) -> Iterator[int]:
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield descriptor
            finally:
                os.close(descriptor)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull from error
            raise StoreUnavailable from error


def _parse_setting(setting: str) -> dict[int, MasterKey]:
    keys: dict[int, MasterKey] = {}
    for item in setting.split(","):
        number, _, digits = item.strip().partition(":")
        if not re.fullmatch(r"\d{1,5}", number) or not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
            raise ConfigError(
                "DOCCHAT_MASTER_KEY must be a number, a colon and 64 hex digits, for example 1:00ff...; "
                "several are parted by commas."
            )
        if not 0 < int(number) <= MOST or int(number) in keys:
            raise ConfigError(f"DOCCHAT_MASTER_KEY: the numbers must differ and lie between 1 and {MOST}.")
        keys[int(number)] = MasterKey(int(number), bytes.fromhex(digits))
    return keys


def _line(number: int, key: bytes) -> bytes:
    return f"docchat-master-key {number} {key.hex()}\n".encode("ascii")


def _content(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _write(descriptor: int, data: bytes, offset: int) -> None:
    if os.pwrite(descriptor, data, offset) != len(data):
        raise OSError(errno.ENOSPC, "short write")
    os.fsync(descriptor)
