"""What a proof found: places and words for people, never content."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is left, or that keeps the proof from being made: where, and what."""

    where: str
    what: str


@dataclass(slots=True)
class Proof:
    """What was looked at for one id, and what was left. Proven when nothing was."""

    subject: str
    checked: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def proven(self) -> bool:
        """Whether nothing is left anywhere."""
        return not self.findings

    def add(self, where: str, what: str) -> None:
        """Note something that is left; the same thing is noted once."""
        finding = Finding(where, what)
        if finding not in self.findings:
            self.findings.append(finding)

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "subject": self.subject,
            "proven": self.proven,
            "checked": self.checked,
            "findings": [{"where": finding.where, "what": finding.what} for finding in self.findings],
        }
