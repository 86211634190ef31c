"""Both platforms on loopback, for demos and tests, in one durable process: their APIs, telemetry, and runs of rules.

Needs the extra `local` (flask), but only once an emulator starts. Shares no code with the providers it is to test.
"""

from deployer.emulator.faults import BadFault
from deployer.emulator.serving import Attached
from deployer.emulator.serving import Emulator
from deployer.emulator.serving import EmulatorError
from deployer.emulator.serving import MissingExtra
from deployer.emulator.serving import PortTaken
from deployer.emulator.serving import Serving
from deployer.emulator.serving import StateTaken
from deployer.emulator.serving import serve

__all__ = [
    "Attached",
    "BadFault",
    "Emulator",
    "EmulatorError",
    "MissingExtra",
    "PortTaken",
    "Serving",
    "StateTaken",
    "serve",
]
