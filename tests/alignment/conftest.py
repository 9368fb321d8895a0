"""One acoustic model for all tests; they skip where the extra `align` is absent."""

import pytest

from emotalk.alignment import Aligner
from emotalk.alignment.decoder import available


@pytest.fixture(scope="session")
def aligner() -> Aligner:
    if not available():
        pytest.skip("pocketsphinx, num2words or espeakng-loader is not installed (extra: align)")
    return Aligner()
