"""The registry of sources: what a line in it brings."""

import pytest

from emotalk.corpus.sources import SOURCES
from jobs.build_corpus import main


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_source_goes_by_its_name_and_is_a_subcommand(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    kind = SOURCES[name]
    source = kind() if name == "synthetic" else kind(root="x")
    assert source.name == name
    assert "root" not in source.settings()
    with pytest.raises(SystemExit) as end:
        main([name.replace("_", "-"), "--help"])
    assert end.value.code == 0
    assert kind.__doc__.split(":")[0].split(".")[0] in " ".join(capsys.readouterr().out.split())
