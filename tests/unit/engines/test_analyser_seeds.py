"""Microsoft's analyser on the texts that the first rules were made from, as they were written: which do not compile.

The texts and Microsoft's column lists lie beside the checkout or not. `Timestamp` is in Defender's tables; Microsoft's
reference of the same table in Sentinel has `TimeGenerated` only.
"""

import json
import re

import pytest

from deployer.engines.tables import Table
from tests import microsoft

# Of each query the unknown columns with line and column, in a table that has Timestamp and in one that has not.
UNKNOWN = {
    "001": ([(20, 21, "SentBytes"), (21, 25, "ReceivedBytes"), (26, 20, "AccountName")], 4),
    "004 query 1": ([(19, 20, "AccountName")], 5),
    "004 query 2": ([], 0),
    "004 query 3": ([], 4),
}


def part(pattern, text):
    found = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def texts(shared):
    """The four queries; the second one of 004 is commented out there."""
    first = next((shared / "seeds").glob("001_*")).read_text()
    fourth = next((shared / "seeds").glob("004_*")).read_text()
    one, two, three = re.findall(r"^// === QUERY.*?(?=^// === QUERY|^high severity)", fourth, re.MULTILINE | re.DOTALL)
    template = part(r"^(// CommonSecurityLog\n.*)", two)
    return {
        "001": part(r"^kusto\n(.*?)^high severity", first),
        "004 query 1": one,
        "004 query 2": re.sub(r"^// ?", "", template, flags=re.MULTILINE),
        "004 query 3": three,
    }


@pytest.fixture(scope="module")
def tables(shared):
    """The tables with and without a column Timestamp."""
    events, log = (
        json.loads((shared / "schemas" / f"{name}.json").read_text())
        for name in ("DeviceNetworkEvents", "CommonSecurityLog")
    )
    without = {name: kind for name, kind in events.items() if name != "Timestamp"}
    logs = Table("CommonSecurityLog", log)
    return (
        [Table("DeviceNetworkEvents", {**without, "Timestamp": "datetime"}), logs],
        [Table("DeviceNetworkEvents", without), logs],
    )


@pytest.mark.parametrize("name", UNKNOWN)
def test_the_seeds_do_not_compile_as_written(name, texts, tables):
    unknown, timestamps = UNKNOWN[name]
    defender, sentinel = (microsoft.loaded().check(texts[name], declared).diagnostics for declared in tables)
    missing = [one for one in sentinel if one.code == "KS142"]

    assert [(one.line, one.column, part("'(.*?)'", one.message), one.code) for one in defender] == [
        (*where, "KS142") for where in unknown
    ]
    assert sum("'Timestamp'" in one.message for one in missing) == timestamps
    assert [one.message for one in missing if "'Timestamp'" not in one.message] == [one.message for one in defender]
    assert [one.code for one in sentinel if one not in missing] == (["KS107"] * 2 if name == "004 query 1" else [])
