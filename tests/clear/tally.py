"""What was tried, how often, and what came of it: one line each, printed as a table by `make prove`."""

import re
from dataclasses import dataclass, field

IDS = tuple(f"C{number}" for number in range(1, 16))


@dataclass
class Line:
    """One thing that was tried."""

    id: str
    what: str
    n: int
    figures: str = ""
    result: str = "green"


@dataclass
class Tally:
    """All lines of a run, by the test that tried them."""

    lines: dict[str, list[Line]] = field(default_factory=dict)

    def add(self, test: str, line: Line) -> None:
        """Note a line of a test."""
        self.lines.setdefault(test, []).append(line)

    def end(self, test: str, result: str) -> None:
        """A test has ended, not green: its lines are not either."""
        name = test.rpartition("::")[2]
        lines = self.lines.setdefault(test, [Line(id_of(test), name, 0)])
        for line in lines:
            line.result = result

    def all(self) -> list[Line]:
        """Every line in the order of the ids; an id that nothing was tried for has one that says so."""
        lines = [line for found in self.lines.values() for line in found]
        tried = {line.id for line in lines}
        lines += [Line(wanted, "", 0, result="not tried") for wanted in IDS if wanted not in tried]
        return sorted(lines, key=lambda line: (int(line.id[1:] or 0), line.what))

    @property
    def green(self) -> bool:
        """Whether everything was tried and held."""
        return all(line.result == "green" for line in self.all())

    def table(self) -> str:
        """For people."""
        lines = self.all()
        width = max(len(line.what) for line in lines)
        rows = [f"{'id':4}  {'tried':{width}}  {'times':>7}  result"]
        for line in lines:
            more = f" ({line.figures})" if line.figures else ""
            rows.append(f"{line.id:4}  {line.what:{width}}  {line.n:7,}  {line.result}{more}")
        return "\n".join(rows)


def id_of(test: str) -> str:
    """The id in a test's name: test_c07_kill is C7's."""
    found = re.search(r"::test_c(\d\d)_", test)
    return f"C{int(found[1])}" if found else "C0"
