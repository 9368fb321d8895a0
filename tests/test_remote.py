"""Whatever goes wrong with a store is one line that names the URI, from every command, and never after minutes."""

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import s3fs

from emotalk.corpus.store import Store
from emotalk.errors import InputError
from emotalk.files import exists, open_source
from emotalk.remote import open_remote
from tests.s3 import S3Server, free_ports
from tests.small_model import save_small_model, write_murmur

pytestmark = pytest.mark.s3
TROUBLES = {
    "wrong key": "no permission",
    "no bucket": "no such object, folder or bucket",
    "refused": "Could not connect",
    "no keys": "credentials",
}
PATIENCE_S = 20
COMMANDS = {
    "animate": ("emotalk.cli", "animate BUCKET/speech.wav -o OUT/face.npz --model MODEL"),
    "animate to": ("emotalk.cli", "animate SPEECH -o BUCKET/face.npz --model MODEL"),
    "model": ("emotalk.cli", "animate SPEECH -o OUT/face.npz --model BUCKET/model"),
    "info": ("emotalk.cli", "info BUCKET/speech.wav"),
    "build": ("jobs.build_corpus", "etf3d BUCKET/3D-ETF --output OUT/corpus"),
    "train": ("jobs.train", "--corpus BUCKET/corpus --output OUT/run"),
    "dub": ("jobs.dub", "BUCKET/shelf --output OUT/faces --model MODEL"),
    "dub to": ("jobs.dub", "SPEECH --output BUCKET/faces --model MODEL"),
    "evaluate": ("jobs.evaluate", "--model MODEL --corpus BUCKET/corpus --output OUT/report"),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def bucket(s3_server: S3Server) -> str:
    return s3_server.make_bucket("whole")


@pytest.fixture
def broken(bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Brings about a trouble -> a URI that meets it."""

    def trouble(kind: str) -> str:
        if kind == "wrong key":
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
        elif kind == "refused":
            (port,) = free_ports(1)
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        elif kind == "no keys":
            monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
            monkeypatch.delenv("AWS_ACCESS_KEY_ID")
            monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
            monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        s3fs.S3FileSystem.clear_instance_cache()
        return "s3://nowhere" if kind == "no bucket" else bucket

    yield trouble
    s3fs.S3FileSystem.clear_instance_cache()


def says(action: Callable[[], object], uri: str, words: str) -> None:
    started = time.monotonic()
    with pytest.raises((InputError, OSError), match=words) as caught:
        action()
    assert uri in str(caught.value)
    assert time.monotonic() - started < PATIENCE_S


@pytest.mark.parametrize("kind", TROUBLES)
def test_reading_listing_and_writing(kind: str, broken: Callable[[str], str]) -> None:
    uri = broken(kind)
    says(lambda: open_source(f"{uri}/a.wav"), f"{uri}/a.wav", TROUBLES[kind])
    says(lambda: Store(uri).read("a.json"), f"{uri}/a.json", TROUBLES[kind])
    if kind == "no bucket":  # the server of the tests makes a bucket where something is written into it
        assert not exists(f"{uri}/a.json")
        assert Store(uri).names("train") == []
    else:
        says(lambda: Store(uri).write("a.json", b"{}"), f"{uri}/a.json", TROUBLES[kind])
        says(lambda: exists(f"{uri}/a.json"), f"{uri}/a.json", TROUBLES[kind])
        says(lambda: Store(uri).names("train"), f"{uri}/train", TROUBLES[kind])


def test_an_object_lost_while_it_is_read(bucket: str) -> None:
    Store(bucket).write("long.bin", bytes(12 << 20))
    with open_remote(f"{bucket}/long.bin", cache_type="none") as file:
        assert file.read(10) == bytes(10)
        Store(bucket).remove("long.bin")
        with pytest.raises(OSError, match=r"s3://whole/long\.bin"):
            file.read()


def test_info_of_a_model_in_a_store(
    bucket: str, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in model.iterdir():
        Store(bucket).write(f"a/model/{path.name}", path.read_bytes())
    said = []
    for place in (f"{bucket}/a/model/", str(model)):
        monkeypatch.setattr(sys, "argv", ["emotalk", "info", place])
        with pytest.raises(SystemExit) as end:
            importlib.import_module("emotalk.cli").main()
        assert end.value.code == 0
        said.append(capsys.readouterr().out.removeprefix(f"{place}: "))
    assert said[0] == said[1]
    assert said[0].startswith("lite model")


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (command, kind)
        for command in COMMANDS
        for kind in ("wrong key", "no bucket", "refused")
        if not (command.endswith(" to") and kind == "no bucket")
    ],
)
def test_commands_say_it_in_one_line(
    command: str,
    kind: str,
    broken: Callable[[str], str],
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module, options = COMMANDS[command]
    uri = broken(kind)
    speech = write_murmur(tmp_path / "speech.wav", 0.5)
    for name, value in {"BUCKET": uri, "OUT": tmp_path, "MODEL": model, "SPEECH": speech}.items():
        options = options.replace(name, str(value))
    monkeypatch.setattr(sys, "argv", [module, *options.split()])
    with pytest.raises(SystemExit) as end:
        importlib.import_module(module).main()
    said = capsys.readouterr()
    assert end.value.code in (1, 2)
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    assert said.err.startswith("error: ")
    assert f"{uri}/" in said.err
