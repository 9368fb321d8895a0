"""The published ICT-FaceKit, imported once for all tests that compare with it."""

from pathlib import Path

import pytest

from emotalk.rigs import Rig
from emotalk.rigs.importers import import_rig


@pytest.fixture(scope="session")
def ict(shared_data: Path) -> Rig:
    """Tests that need it skip where the test data is absent."""
    return import_rig(shared_data / "rigs/ict_facekit.tar.xz")
