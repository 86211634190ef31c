"""One bench per platform, on a fresh emulator."""

from collections.abc import Iterator

import pytest

from deployer.emulator import Emulator
from deployer.model import Platform
from deployer.providers import base
from tests.bench import Bench


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    monkeypatch.setattr(base, "CONFIRM_WAITS_SECONDS", (0.0, 0.01, 0.02))
    with Emulator() as running:
        yield running


@pytest.fixture(params=list(Platform), ids=str)
def bench(request: pytest.FixtureRequest, emulator: Emulator) -> Iterator[Bench]:
    made = Bench(request.param, emulator)
    yield made
    made.provider.close()


@pytest.fixture
def kibana(emulator: Emulator) -> Iterator[Bench]:
    made = Bench(Platform.KIBANA, emulator)
    yield made
    made.provider.close()


@pytest.fixture
def sentinel(emulator: Emulator) -> Iterator[Bench]:
    made = Bench(Platform.SENTINEL, emulator)
    yield made
    made.provider.close()
