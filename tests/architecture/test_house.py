"""Small rooms: the limits a reader relies on."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "leaptui").rglob("*.py"))


def test_no_module_is_over_400_lines():
    lengths = {p.relative_to(ROOT): len(p.read_text().splitlines()) for p in SOURCES}
    assert not {path: n for path, n in lengths.items() if n > 400}


def test_no_function_is_over_70_lines():
    long = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                if node.end_lineno - node.lineno > 70:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not long


def test_every_module_says_what_it_is_for():
    silent = [p.relative_to(ROOT) for p in SOURCES if not ast.get_docstring(ast.parse(p.read_text()))]
    assert not silent
