"""Names of files for saving."""

from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from docchat.web.downloads import attachment, safe_name


@given(st.text(max_size=400))
def test_no_name_breaks_a_header_or_leaves_its_folder(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert safe.isprintable()
    assert not set(safe) & set('/\\"<>:|?*')
    assert safe.strip(". ") == safe
    assert len(safe) <= 161
    header = attachment(b"", name=name, media_type="text/plain").headers["Content-Disposition"]
    assert header.startswith("attachment; filename")
    assert header.isascii()
    assert header.isprintable()


def test_a_name_in_any_script_arrives() -> None:
    header = attachment(b"", name="报告 Übersicht.txt", media_type="text/plain").headers["Content-Disposition"]
    _, options = parse_options_header(header)
    assert options["filename"] == "报告 Übersicht.txt"


def test_the_ending_stays() -> None:
    assert safe_name("x" * 500 + ".json").endswith("x.json")
    assert safe_name("..") == "file"
