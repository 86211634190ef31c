"""mypy, in files of its own: the slowest check, so that it runs beside the others."""

from collections.abc import Callable


def test_the_package_and_the_tests_type_check(passes: Callable[..., None]) -> None:
    """Strictly for deployer; tests may leave a signature open (see pyproject.toml)."""
    passes("mypy", "--no-error-summary", "deployer", "tests")
