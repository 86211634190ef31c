"""One emulator for each test, in memory, and a client of each platform."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.emulator import Emulator
from tests.descriptions import Description
from tests.descriptions import kibana_description
from tests.emulator.make import NOW
from tests.emulator.make import Client
from tests.emulator.make import arm_client
from tests.emulator.make import control_client
from tests.emulator.make import elasticsearch_client
from tests.emulator.make import kibana_client
from tests.emulator.make import logs_client


@pytest.fixture(scope="session")
def description(shared: Path) -> Description:
    """What Kibana publishes of its API."""
    return kibana_description(shared)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def kibana(emulator: Emulator) -> Iterator[Client]:
    client = kibana_client(emulator.url)
    yield client
    client.session.close()


@pytest.fixture
def arm(emulator: Emulator) -> Iterator[Client]:
    client = arm_client(emulator.url)
    yield client
    client.session.close()


@pytest.fixture
def control(emulator: Emulator) -> Iterator[Client]:
    client = control_client(emulator.url)
    yield client
    client.session.close()


@pytest.fixture
def elasticsearch(emulator: Emulator) -> Iterator[Client]:
    client = elasticsearch_client(emulator.url)
    yield client
    client.session.close()


@pytest.fixture
def logs(emulator: Emulator) -> Iterator[Client]:
    client = logs_client(emulator.url)
    yield client
    client.session.close()


@pytest.fixture
def stopped(emulator: Emulator) -> Emulator:
    """The emulator with its clock stopped at the tests' now."""
    emulator.set_clock(NOW)
    return emulator
