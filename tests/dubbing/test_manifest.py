"""Manifests: three kinds of file say the same, and every error names the file and the line."""

import json
from pathlib import Path

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emotalk.animation import Animation
from emotalk.audio.decode import load_audio
from emotalk.controls import Controls, Shaping
from emotalk.dubbing.completion import OutputFolder, Recipe
from emotalk.dubbing.journal import Journal
from emotalk.dubbing.ledger import Output, Record
from emotalk.dubbing.listing import UNSEEN, Recording, list_recordings
from emotalk.dubbing.manifest import read_manifest
from emotalk.dubbing.plan import Dubbing, Take
from emotalk.dubbing.predicting import Predictor
from emotalk.dubbing.report import FAILED
from emotalk.dubbing.strands import Strand
from emotalk.dubbing.work import Dubber
from emotalk.errors import InputError
from emotalk.inference.animator import Animator
from emotalk.model.store import load_model
from tests.dubbing.shelf import files, planned, worked
from tests.small_model import save_small_model, write_murmur

ROWS = [
    {"uri": "book/a.wav", "output": "one/a", "controls": '{"emotion": "sad", "seed": 3}', "controls.intensity": "0.5"},
    {"uri": "book/b 2.wav"},
    {"uri": "s3://bucket/shelf/c.mp3", "output": "c", "bytes": "77"},
]


def as_csv(rows: list[dict[str, str]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    quoted = [['"' + row.get(name, "").replace('"', '""') + '"' for name in columns] for row in rows]
    return "\n".join([",".join(columns), *(",".join(row) for row in quoted)]) + "\n"


def write(folder: Path, kind: str, rows: list[dict[str, str]]) -> str:
    path = folder / f"shelf.{kind}"
    if kind == "csv":
        path.write_text("\ufeff" + as_csv(rows), encoding="utf-8")
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n\n" for row in rows))
    else:
        schema = pa.schema([(name, pa.string()) for name in sorted({*ROWS[0], "bytes"})])
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return str(path)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_every_kind_says_the_same(kind: str, tmp_path: Path) -> None:
    write_murmur(tmp_path / "book" / "a.wav", 0.4)
    first, second = [row for row in ROWS if not row["uri"].startswith("s3")]
    rows = read_manifest(write(tmp_path, kind, [first, second]))
    assert [recording.uri for recording in rows] == [f"{tmp_path}/book/a.wav", f"{tmp_path}/book/b 2.wav"]
    assert [recording.relative for recording in rows] == ["one/a", "b 2.wav"]
    assert rows[0].controls == {"emotion": "sad", "seed": 3, "intensity": 0.5}
    assert rows[1].controls is None
    assert rows[0].fingerprint is not None
    assert rows[1].fingerprint is None
    (remote,) = read_manifest(write(tmp_path, kind, ROWS[2:]))
    assert (remote.uri, remote.bytes, remote.fingerprint) == ("s3://bucket/shelf/c.mp3", 77, UNSEEN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("uri,outptu\na.wav,b\n", "line 2: unknown columns outptu"),
        ("url\na.wav\n", "line 1: no column uri"),
        ("uri\n", "names no recordings"),
        ("uri,output\na.wav,x\nb.wav,x\n", "line 3: the same output as in line 2: x"),
        ("uri\na.wav\nb.wav\na.wav\n", "line 4: the same recording as in line 2"),
        ("uri,output\na.wav,../x\n", "line 2: output must be a name below"),
        ("uri,output\na.wav,.emotalk/x\n", "line 2: output must be a name below"),
        ("uri,controls\na.wav,{\n", "line 2: controls are not JSON"),
        ("uri,controls\na.wav,[1]\n", "line 2: controls must be a JSON object"),
        ("uri,controls.intensity\na.wav,9\n", "line 2: intensity must lie between 0 and 3"),
        ("uri,controls.mood\na.wav,9\n", "line 2: unknown controls: mood"),
        ("uri,output\na.wav\n", "line 2: not as many cells"),
        ("uri,bytes\na.wav,many\n", "line 2: bytes must be a whole number that is not negative, not 'many'"),
        ("uri,bytes\na.wav,7.5\n", "line 2: bytes must be a whole number that is not negative, not '7.5'"),
        ("uri,bytes\na.wav,nan\n", "line 2: bytes must be a whole number that is not negative, not 'nan'"),
        ("uri,controls.seed\na.wav,3.5\n", "line 2: seed must be a whole number"),
        ("uri,output,uri\na.wav,b,c.wav\n", "line 1: columns that are there twice: uri"),
        ("uri,bytes\na.wav,-5\n", "line 2: bytes must be a whole number that is not negative, not '-5'"),
        ("uri,output\na.wav,Report\n", "line 2: output must not be 'Report', which is the report of the run"),
        ("uri,output\n,x\n", "line 2: no uri"),
    ],
)
def test_errors_name_the_file_and_the_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "shelf.csv").write_text(text)
    with pytest.raises(InputError) as raised:
        list_recordings([str(tmp_path / "shelf.csv")], output="out")
    assert str(raised.value).startswith(f"{tmp_path}/shelf.csv: ")
    assert message in str(raised.value)


def test_broken_json_lines_are_named(tmp_path: Path) -> None:
    (tmp_path / "shelf.jsonl").write_text('{"uri": "a.wav"}\n{"uri": \n')
    with pytest.raises(InputError, match="line 2: not JSON"):
        read_manifest(str(tmp_path / "shelf.jsonl"))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_with_gaps_has_fractions_for_whole_numbers(kind: str, tmp_path: Path) -> None:
    rows = {"uri": ["s3://b/a.wav", "s3://b/b.wav"], "controls.seed": [3, None], "controls.style": [None, 2]}
    frame = pandas.DataFrame(rows | {"bytes": [77, None], "controls.intensity": [2, 0.5]})
    assert frame["controls.seed"].dtype == float
    path = tmp_path / f"shelf.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    one, other = read_manifest(str(path))
    assert (one.controls, one.bytes) == ({"seed": 3, "intensity": 2}, 77)
    assert (other.controls, other.bytes) == ({"style": 2, "intensity": 0.5}, 0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[" * 100_000, "line 1: not JSON"),
        ('{"uri": "a.wav", "bytes": 1e999}', "line 1: bytes must be a whole number"),
        ('{"uri": "a.wav", "output": "a\\u0000b"}', "line 1: output must be a name that a file can have"),
        ('{"uri": "a.wav", "output": "x/\\ud800"}', "line 1: output must be a name that a file can have"),
        (json.dumps({"uri": "a.wav", "output": "ä" * 121}), "line 1: output must be a name that a file can have"),
        ('{"uri": "a.wav", "bytes": [1]}', "line 1: bytes must be a whole number"),
        (json.dumps({"uri": "a.wav", "controls": "[" * 100_000}), "line 1: controls are not JSON"),
    ],
)
def test_hostile_json_lines_are_named(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "shelf.jsonl").write_text(line + "\n")
    with pytest.raises(InputError, match=message):
        read_manifest(str(tmp_path / "shelf.jsonl"))


def test_a_name_that_no_file_can_have_is_a_recording_that_fails(tmp_path: Path) -> None:
    (tmp_path / "shelf.jsonl").write_text('{"uri": "a\\u0000b.wav"}\n{"uri": "\\ud800.wav"}\n')
    for recording in read_manifest(str(tmp_path / "shelf.jsonl")):
        with pytest.raises(InputError, match="not a usable path"):
            load_audio(recording.uri)


def test_a_manifest_is_dubbed_with_its_names_and_controls(tmp_path: Path) -> None:
    write_murmur(tmp_path / "a.wav", 0.4)
    manifest = tmp_path / "shelf.jsonl"
    rows = [
        {"uri": "a.wav", "output": "calm", "controls": {"emotion": "neutral"}},
        {"uri": "a.wav", "output": "angry/1", "controls": {"emotion": "angry", "tail_s": 0}},
        {"uri": "gone.wav"},
        {"uri": "a.wav"},
    ]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    animator = Animator(load_model(save_small_model(tmp_path / "model")), device="cpu")
    output = tmp_path / "out"
    states = [row.state for row in worked(planned(manifest, output), animator)]
    assert sorted(states) == ["animated", "animated", "animated", "failed"]
    assert list(files(output)) == ["a.npz", "angry/1.npz", "calm.npz"]
    assert Animation.load(output / "angry" / "1.npz").meta["controls"]["emotion"] == "angry"
    assert Animation.load(output / "angry" / "1.npz").frames == 12
    rows[1]["controls"] = {"emotion": "sad", "tail_s": 0}
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = planned(manifest, output)
    assert [take.name for item in plan.items for take in item.takes] == ["angry/1", "gone"]


def test_a_row_names_a_preset_and_changes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "villain.yaml").write_text("intensity: 2\nseed: 4\nshaping: {gaze: 1}\n")
    table = tmp_path / "shelf.csv"
    table.write_text(
        "uri,preset,controls.seed,controls.shaping,controls.emotion_from\n"
        "a.wav,villain.yaml,,,\n"
        'b.wav,villain,5,"{""sway"": 1}",takes/angry.wav\n'
        "c.wav,,,,\n"
    )
    monkeypatch.setenv("EMOTALK_PRESETS", str(tmp_path))
    as_told, changed, plain = read_manifest(str(table))
    assert as_told.controls == {"intensity": 2, "seed": 4, "shaping": {"gaze": 1}}
    assert changed.controls == {
        "intensity": 2,
        "seed": 5,
        "shaping": {"gaze": 1, "sway": 1},
        "emotion_from": f"{tmp_path}/takes/angry.wav",
    }
    assert plain.controls is None
    (tmp_path / "villain.yaml").write_text("mood: 1\n")
    with pytest.raises(InputError, match=r"shelf\.csv: line 2: .*villain\.yaml: unknown controls: mood"):
        read_manifest(str(table))


def test_controls_of_a_row_change_the_runs_key_by_key(tmp_path: Path) -> None:
    run = Dubbing(OutputFolder(str(tmp_path)), Recipe("model", Controls(seed=3, shaping=Shaping(gaze=1))), (".npz",))
    own = Recording("a.wav", "a", 0, None, None, {"shaping": {"sway": 1}})
    assert run.recipe_of(own).controls == Controls(seed=3, shaping=Shaping(gaze=1, sway=1))


def test_a_take_that_is_gone_costs_its_own_row(tmp_path: Path) -> None:
    """Here between plan and work: the other recordings of the portion go on."""
    folder = OutputFolder(str(tmp_path))
    run = Dubbing(folder, Recipe("model", Controls()), (".npz",))
    own = Recording("a.wav", "a", 0, None, None, {"emotion_from": str(tmp_path / "gone.wav")})
    record = Record(
        name="a",
        recording="a",
        uri="a.wav",
        sha256="sha",
        fingerprint=None,
        seconds=1.0,
        frames=30,
        emotion="calm",
        share=1.0,
        style="none",
        outputs={".npz": Output("key", 1, "sha", "cpu")},
    )
    strand = Strand(0, own, (Take("a", record),), 0, None, 1.0, 1)

    def never() -> Predictor:
        raise AssertionError

    dubber = Dubber(run, Journal(str(tmp_path), 1), never)
    assert dubber.forget_outdated([strand]) == [strand]
    ((_, row),) = dubber.dub(strand)
    assert row.state == FAILED
    assert "gone.wav" in str(row.reason)


def test_a_mix_that_was_asked_for_is_no_emotion_heard_badly(tmp_path: Path) -> None:
    write_murmur(tmp_path / "a.wav", 1.0)
    mix = {"happy": 1, "sad": 1, "angry": 1, "calm": 1}
    row = {"uri": "a.wav", "controls": {"emotion": mix}}
    (tmp_path / "shelf.jsonl").write_text(json.dumps(row))
    animator = Animator(load_model(str(save_small_model(tmp_path / "model"))), device="cpu")
    (made,) = worked(planned(tmp_path / "shelf.jsonl", tmp_path / "faces"), animator)
    assert made.share == pytest.approx(0.25)
    assert "unsure" not in {found.kind for found in made.warnings}
