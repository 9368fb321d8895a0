"""Recordings, model, animations and records in an S3 store."""

from pathlib import Path

import fsspec
import pytest

from emotalk.animation import Animation
from emotalk.controls import Controls
from emotalk.dubbing.completion import OutputFolder, Recipe
from emotalk.dubbing.journal import Journal
from emotalk.dubbing.ledger import Ledger
from emotalk.dubbing.listing import list_recordings
from emotalk.dubbing.plan import Dubbing, Plan
from emotalk.dubbing.predicting import Alone
from emotalk.dubbing.report import Row
from emotalk.dubbing.strands import strands_of
from emotalk.dubbing.work import Dubber
from emotalk.inference.animator import Animator
from emotalk.model.store import load_model, model_digest
from tests.s3 import S3Server
from tests.small_model import save_small_model, write_murmur

pytestmark = pytest.mark.s3


def test_a_shelf_in_s3_is_dubbed_once(s3_server: S3Server, tmp_path: Path) -> None:
    bucket = s3_server.make_bucket("dubbing")
    fs = fsspec.filesystem("s3")
    local = save_small_model(tmp_path / "model")
    for path in (*local.iterdir(), write_murmur(tmp_path / "a.wav", 0.5), write_murmur(tmp_path / "b.wav", 0.4)):
        fs.put_file(str(path), f"{bucket}/{'model' if path.parent == local else 'shelf'}/{path.name}")
    fs.pipe(f"{bucket}/shelf/broken.wav", b"RIFF")
    animator = Animator(load_model(f"{bucket}/model"), device="cpu")
    recipe = Recipe(model_digest(f"{bucket}/model"), Controls())
    folder = OutputFolder(f"{bucket}/shelf/faces")

    def plan() -> Plan:
        listing = list_recordings([f"{bucket}/shelf"], output=folder.location)
        ledger = Ledger.read(folder.location)
        return Plan.of(listing, Dubbing(folder, recipe, (".npz", ".csv"), ledger.generation + 1), ledger)

    def work(planned: Plan) -> dict[str, Row]:
        journal = Journal(folder.location, planned.dubbing.generation)
        dubber = Dubber(planned.dubbing, journal, lambda: Alone(animator))
        rows = dict(row for strand in strands_of(planned.items, 1) for row in dubber.dub(strand))
        journal.flush()
        Ledger.read(folder.location).compact(folder.location)
        return rows

    def left(planned: Plan) -> set[str]:
        return {take.name for item in planned.items for take in item.takes}

    rows = work(plan())
    assert {name: row.state for name, row in rows.items()} == {"a": "animated", "b": "animated", "broken": "failed"}
    assert Animation.load(f"{folder.location}/a.npz").frames == 15 + 15  # half a second, and the tail
    modified = fs.info(f"{folder.location}/b.csv")["LastModified"]

    fs.rm_file(f"{folder.location}/a.csv")
    again = plan()
    assert left(again) == {"a", "broken"}
    assert {row.state for row in again.done_rows()} == {"already done"}
    work(again)
    fs.invalidate_cache()
    assert fs.exists(f"{folder.location}/a.csv")
    assert fs.info(f"{folder.location}/b.csv")["LastModified"] == modified

    fs.put_file(str(tmp_path / "a.wav"), f"{bucket}/shelf/b.wav")  # another recording under the same name
    assert left(plan()) == {"b", "broken"}
