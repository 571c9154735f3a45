"""Files and functions stay small enough to be read in one go."""

from __future__ import annotations

import ast

from tests.support.repository import ROOT, package_files

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70


def test_no_file_is_too_long() -> None:
    """No source file of either package has more than 400 lines."""
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in package_files(".py", ".js", ".css", ".html", ".sql")
    }
    assert lines
    assert {path: count for path, count in lines.items() if count > FILE_LINES_MAX} == {}


def test_no_function_is_too_long() -> None:
    """No function of either package has more than 70 lines, its docstring included."""
    lines = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in package_files(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    }
    assert lines
    assert {name: count for name, count in lines.items() if count > FUNCTION_LINES_MAX} == {}
