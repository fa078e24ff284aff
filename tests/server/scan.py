"""A process of its own that reads raw bytes: `scan.py SECONDS FOLDER... < patterns` (hexadecimal, one a line).

Reads every file of the folders again and again for SECONDS, or until its standard input is closed when SECONDS is 0,
at least once to the end. Prints one JSON object: how often it went round, bytes read, and where a pattern was found.
(Reading SQLite's files inside a process that uses them would drop its locks.)
"""

import json
import select
import sys
import time
from pathlib import Path


def main() -> None:
    seconds, folders = float(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    patterns = []
    for line in sys.stdin:
        if not line.strip():
            break
        patterns.append(bytes.fromhex(line.strip()))
    end = time.monotonic() + seconds
    rounds = size = 0
    found: set[str] = set()
    while True:
        for path in [path for folder in folders for path in folder.rglob("*")]:
            try:
                content = path.read_bytes() if path.is_file() else b""
            except OSError:
                continue  # gone since it was listed
            size += len(content)
            found.update(f"{path}: pattern {number}" for number, wanted in enumerate(patterns) if wanted in content)
        rounds += 1
        if time.monotonic() >= end if seconds else select.select([sys.stdin], [], [], 0.01)[0]:
            break
    print(json.dumps({"rounds": rounds, "bytes": size, "found": sorted(found)}))


main()
