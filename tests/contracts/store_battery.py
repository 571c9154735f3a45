"""What every store of event logs must do: a class of tests, run once for each store.

A store's own test file subclasses `StoreBattery`, says in `open` how it is opened, and may name in
`opts_out` tests that cannot hold for it, with the reason.
"""

from __future__ import annotations

from tests.contracts.store_actions import ActionTests
from tests.contracts.store_erasure import ErasureTests
from tests.contracts.store_pairs import PairTests
from tests.contracts.store_reading import ReadingTests
from tests.contracts.store_stream import StreamTests
from tests.contracts.store_writing import WritingTests


class StoreBattery(WritingTests, PairTests, ErasureTests, ReadingTests, StreamTests, ActionTests):
    """The battery. Every test is one sentence of the contract in `protocols`."""
