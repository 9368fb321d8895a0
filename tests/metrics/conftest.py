"""The rig of these tests."""

import pytest

from emotalk.rigs import Rig
from tests.four_points import four_points


@pytest.fixture(scope="session")
def rig() -> Rig:
    """Four vertices whose errors can be computed by hand."""
    return four_points()
