"""The shape of the house: no file above 400 code lines, no function above 60, nothing swallowed, nothing dangerous."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "docchat"
PYTHON = sorted(SOURCE.rglob("*.py"))
FRONT_END = sorted(path for suffix in ("*.js", "*.css", "*.html") for path in SOURCE.rglob(suffix))
_NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def _code_lines(source: str) -> set[int]:
    """Numbers of the lines with a token on them: no blanks, comments, docstrings."""
    documented = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    used = {line for token in tokens if token.type not in _NO_CODE for line in range(token.start[0], token.end[0] + 1)}
    return used - documented


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_and_functions_are_small(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    lines = _code_lines(source)
    assert len(lines) <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = lines & set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            assert len(body) <= 60, node.name


@pytest.mark.parametrize("path", FRONT_END, ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_front_end_is_small_too(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) <= 400


def _handlers(tree: ast.AST) -> Iterator[ast.ExceptHandler]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            yield node


def _is_broad(handler: ast.ExceptHandler) -> bool:
    names = [node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)] if handler.type else ["bare"]
    return bool({"bare", "Exception", "BaseException"} & set(names))


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_exception_is_swallowed(path: Path) -> None:
    """A broad handler tells somebody: it logs, raises, or hands the error on."""
    for handler in _handlers(ast.parse(path.read_text(encoding="utf-8"))):
        if _is_broad(handler):
            told = [node for node in ast.walk(handler) if isinstance(node, ast.Call | ast.Raise)]
            assert told, handler.lineno


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_dangerous_is_called(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert not {"pickle", "marshal", "shelve"} & {alias.name for alias in node.names}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec")
        if isinstance(node, ast.keyword):
            assert node.arg != "shell"


@pytest.mark.parametrize("path", FRONT_END, ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_pages_run_under_a_strict_policy(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for forbidden in ("|safe", "innerHTML", "insertAdjacentHTML", "document.write", "eval(", " style=", "javascript:"):
        assert forbidden not in text, forbidden
