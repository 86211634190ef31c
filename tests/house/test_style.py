"""Layout, lint, layers and workflows: each tool finds nothing."""

import ast
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

LINES_OF_A_MODULE = 400
LINES_OF_A_FUNCTION = 60


def test_ruff_finds_nothing(passes: Callable[..., None]) -> None:
    passes("ruff", "check", ".")


def test_the_layout_is_that_of_ruff(passes: Callable[..., None]) -> None:
    passes("ruff", "format", "--check", ".")


def test_modules_import_only_from_below(passes: Callable[..., None]) -> None:
    passes("lint-imports", "--no-cache")


def test_the_workflows_are_valid(passes: Callable[..., None]) -> None:
    """Without shellcheck and pyflakes, which would make the answer depend on the machine."""
    passes("actionlint", "-shellcheck=", "-pyflakes=")


def test_the_workflows_are_safe(passes: Callable[..., None]) -> None:
    passes("zizmor", "--offline", "--persona=pedantic", "--no-progress", "--quiet", ".github")


def test_no_module_and_no_function_is_too_long(repo_root: Path) -> None:
    """A longer one hides a name that has not been found yet."""
    too_long = [line for file in sorted((repo_root / "deployer").rglob("*.py")) for line in _too_long(file, repo_root)]

    assert too_long == []


def _too_long(file: Path, root: Path) -> Iterator[str]:
    source = file.read_text()
    name = file.relative_to(root)
    lines = len(source.splitlines())
    if lines > LINES_OF_A_MODULE:
        yield f"{name}: {lines} lines"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LINES_OF_A_FUNCTION:
                yield f"{name}:{node.lineno}: {node.name} has {lines} lines"
