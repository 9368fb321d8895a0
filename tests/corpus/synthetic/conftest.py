"""Speech needs the extra `synthetic`; its tests skip where it is absent."""

import pytest

from emotalk.corpus.synthetic import espeak


@pytest.fixture(scope="session")
def speech() -> None:
    if not espeak.available():
        pytest.skip("espeakng-loader is not installed (extra: synthetic)")
