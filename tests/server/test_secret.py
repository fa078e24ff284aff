"""The key that signs cookies."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from docchat.errors import ConfigError
from docchat.server.secret import FILE_NAME, load_secret_key


def test_the_key_is_made_once_for_the_owner_alone(data_dir: Path) -> None:
    key = load_secret_key(data_dir)
    assert len(key) == 32
    assert load_secret_key(data_dir) == key
    assert (data_dir / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert data_dir.stat().st_mode & 0o777 == 0o700
    assert os.listdir(data_dir) == [FILE_NAME]


def test_starts_at_once_agree_on_one_key(data_dir: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(load_secret_key, [data_dir] * 64))
    assert len(keys) == 1
    assert os.listdir(data_dir) == [FILE_NAME]


def test_a_damaged_key_stops_the_start(data_dir: Path) -> None:
    load_secret_key(data_dir)
    (data_dir / FILE_NAME).write_bytes(b"short")
    with pytest.raises(ConfigError, match="damaged"):
        load_secret_key(data_dir)


def test_a_file_in_place_of_the_directory_stops_the_start(data_dir: Path) -> None:
    data_dir.write_text("")
    with pytest.raises(ConfigError, match="DOCCHAT_DATA_DIR"):
        load_secret_key(data_dir)
