"""`make prove`: the long form of the tests of clearing, each engine in its own process, one table; 1 unless green."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.clear.tally import Line, Tally  # noqa: E402  (the checkout is on the path only now)

TESTS = (
    "tests/clear",
    "tests/keys/test_rotation_processes.py",
    "tests/server/test_clear_live.py",
    "tests/server/test_answers_live.py",
)
HALVES = {"sqlite": "not (postgresql or twohosts)", "postgresql": "postgresql or twohosts"}


def start(half: str, folder: Path, more: list[str]) -> subprocess.Popen[bytes]:
    """Begin the tests of one engine."""
    log = (folder / f"{half}.log").open("wb")
    command = [sys.executable, "-m", "pytest", "-q", "--color=no", *TESTS, "-k", HALVES[half], *more]
    environment = {**os.environ, "PROVE": "long", "PROVE_TALLY": str(folder / f"{half}.json")}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)


def main() -> int:
    """Run both halves, say what came of them."""
    began = time.monotonic()
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="docchat-prove-") as name:
        folder = Path(name)
        runs = {half: start(half, folder, sys.argv[1:]) for half in HALVES}
        print("Trying C1 to C15 on both engines; this takes half an hour to an hour and a half.", flush=True)
        for half, run in runs.items():
            code = run.wait()
            found = folder / f"{half}.json"
            lines = json.loads(found.read_text()) if found.exists() else {}
            for test, noted in lines.items():
                for line in noted:
                    tally.add(f"{half}:{test}", Line(**line))
            if code or not lines:
                print((folder / f"{half}.log").read_text(errors="replace")[-20_000:])
            if not lines:
                tally.add(half, Line("C0", f"the tests on {half}", 0, result=f"ended with {code}"))
    print(tally.table())
    print(
        f"\n{'Every line is green' if tally.green else 'NOT PROVED'} after {(time.monotonic() - began) / 60:.0f} min."
    )
    return 0 if tally.green else 1


if __name__ == "__main__":
    sys.exit(main())
