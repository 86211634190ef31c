"""What events and results are made of."""

from collections.abc import Mapping
from typing import Any

# One event or one row of a result: column or field name -> JSON-like value.
Row = Mapping[str, Any]
