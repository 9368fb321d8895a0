"""What surrounds the work of a run: the lease, the error budget, how work is handed out, the watchdog, the lanes."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from emotalk.controls import Controls
from emotalk.dubbing import lease as lease_module
from emotalk.dubbing.budget import Budget
from emotalk.dubbing.estimate import Estimate
from emotalk.dubbing.lease import LeaseLostError, leased
from emotalk.dubbing.listing import Recording
from emotalk.dubbing.plan import Item, Take
from emotalk.dubbing.predicting import Alone, Shared
from emotalk.dubbing.strands import portions_of, strands_of
from emotalk.errors import InputError
from emotalk.inference.animator import Animator
from emotalk.model.store import load_model
from tests.dubbing.shelf import files, planned, worked
from tests.small_model import murmur, save_small_model, write_murmur

HOLDS_A_LEASE = """
import sys
from emotalk.dubbing.lease import leased
with leased(sys.argv[1], 1) as lease:
    print(lease.generation, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def animator(tmp_path_factory: pytest.TempPathFactory) -> Animator:
    return Animator(load_model(save_small_model(tmp_path_factory.mktemp("model"))), device="cpu")


def test_two_runs_on_one_output_are_refused_and_a_killed_one_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "LOOK_EVERY_S", 0.05)
    command = [
        sys.executable,
        "-c",
        HOLDS_A_LEASE.replace("import sys", "import sys\nimport emotalk.dubbing.lease as m\nm.RENEW_S = 0.05"),
    ]
    process = subprocess.Popen([*command, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        with pytest.raises(InputError, match=f"another run .process {process.pid} "), leased(str(tmp_path), 1):
            pass
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with leased(str(tmp_path), 1) as after:
        assert after.generation == 2
        assert after.is_held()
    with leased(str(tmp_path), 9) as last:
        assert last.generation == 9
        assert not after.is_held()
        with pytest.raises(LeaseLostError):
            after.check()


def test_a_run_elsewhere_that_shows_no_life_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(lease_module, "WATCH_S", 0.05)
    lost = lease_module.Lease(str(tmp_path), "run", 4, "another machine", 1, "then")
    lost._write()
    with leased(str(tmp_path), 1) as lease:
        assert lease.generation == 5


@pytest.mark.parametrize("bad", ["", "-1", "5 %", "101%", "many", "1.5"])
def test_a_budget_is_a_number_or_a_share(bad: str) -> None:
    with pytest.raises(InputError, match="max_failed"):
        Budget(bad)


def test_a_count_is_spent_at_once_and_a_share_after_some() -> None:
    count, share = Budget("1"), Budget("10%")
    spent = []
    for number in range(30):
        count.add(failed=number < 2)
        share.add(failed=number % 4 == 0)
        spent.append((count.spent, share.spent))
    assert spent[:2] == [(False, False), (True, False)]
    assert next(number for number, (_, late) in enumerate(spent) if late) == 19


ITEMS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 5)), max_size=40).map(
    lambda sizes: [
        Item(
            Recording(f"/nowhere/{n}.mp3", f"{n}.mp3", size, None), tuple(Take(f"{n}/{t}", None) for t in range(takes))
        )
        for n, (size, takes) in enumerate(sizes)
    ]
)


@settings(deadline=None)
@given(ITEMS, st.integers(1, 9))
def test_all_work_is_handed_out_once(items: list[Item], workers: int) -> None:
    strands = strands_of(items, workers)
    assert sorted(strand.number for strand in strands) == list(range(len(strands)))
    lengths = [strand.seconds for strand in strands]
    assert lengths == sorted(lengths, reverse=True)
    handed = [strand for portion in portions_of(strands, workers) for strand in portion]
    assert handed == strands
    for item in items:
        own = sorted((s for s in strands if s.recording == item.recording), key=lambda s: s.number)
        if len(item.takes) > 1:
            assert tuple(take for strand in own for take in strand.takes) == item.takes
            assert all(strand.is_whole for strand in own)
        else:
            borders = [(strand.first_part, strand.stop_part) for strand in own]
            assert borders[0][0] == 0
            assert borders[-1][1] is None
            assert all(before[1] == after[0] for before, after in pairwise(borders))


def test_one_long_recording_is_shared_and_a_shelf_of_equals_is_not() -> None:
    def item(size: int, name: str) -> Item:
        return Item(Recording(f"/nowhere/{name}.mp3", name, size, None), (Take(name, None),))

    assert len(strands_of([item(400_000_000, "long")], 4)) == 4
    assert len(strands_of([item(400_000_000, "long")], 1)) == 1
    assert len(strands_of([item(400_000_000, f"{n}") for n in range(4)], 4)) == 4
    small = strands_of([item(100_000, f"{n}") for n in range(1_000)], 4)
    portions = portions_of(small, 4)
    assert max(len(portion) for portion in portions) <= 64
    assert len(portions) >= 16


STALLS = """
import os, threading
from emotalk.dubbing.watchdog import Watchdog
watchdog = Watchdog(0.2, lambda key: (print(key, flush=True), os._exit(75)))
with watchdog.watch(3):
    watchdog.tick()
with watchdog.watch(7):
    threading.Event().wait()
"""
STALLS_WITH_THE_LOCK = """
import ctypes
from emotalk.dubbing.watchdog import Watchdog
watchdog = Watchdog(0.2, print)
with watchdog.watch(7):
    ctypes.PyDLL(None).pause()
"""


@pytest.mark.parametrize(("script", "told", "code"), [(STALLS, "7\n", 75), (STALLS_WITH_THE_LOCK, "", 1)])
def test_work_that_stands_still_ends_its_process(script: str, told: str, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=os.environ)
    assert (done.stdout, done.returncode) == (told, code)


def test_recordings_that_share_a_network_hear_what_each_hears_alone(animator: Animator) -> None:
    sounds = [murmur(0.5 + 0.2 * number, seed=number) for number in range(6)]
    asked = [Controls(intensity=1 + number / 10) for number in range(6)]
    alone = [list(Alone(animator).predict(animator.plan([s]), c)) for s, c in zip(sounds, asked, strict=True)]
    shared = Shared(animator, 3)
    with ThreadPoolExecutor(3) as lanes:
        together = list(lanes.map(lambda n: list(shared.predict(animator.plan([sounds[n]]), asked[n])), range(6)))
        refused = lanes.submit(lambda: list(shared.predict(animator.plan([sounds[0]]), Controls(emotion="bored"))))
        fine = lanes.submit(lambda: list(shared.predict(animator.plan([sounds[1]]), asked[1])))
        with pytest.raises(InputError, match="unknown emotion"):
            refused.result()
        assert len(fine.result()) == 1
    for one, other in zip(alone, together, strict=True):
        for raw, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(raw.weights, same.weights)


def test_verify_notices_what_sizes_do_not(animator: Animator, tmp_path: Path) -> None:
    write_murmur(tmp_path / "shelf" / "a.wav", 0.4)
    write_murmur(tmp_path / "shelf" / "b.wav", 0.4, seed=1)
    worked(planned(tmp_path / "shelf", tmp_path / "out"), animator)
    before = files(tmp_path / "out")
    content = bytearray(before["a.npz"])
    content[len(content) // 2] ^= 1
    (tmp_path / "out" / "a.npz").write_bytes(content)
    assert not planned(tmp_path / "shelf", tmp_path / "out").items
    plan = planned(tmp_path / "shelf", tmp_path / "out", verify=True)
    assert [take.name for item in plan.items for take in item.takes] == ["a"]
    worked(plan, animator)
    assert files(tmp_path / "out") == before


def test_half_written_files_of_killed_runs_are_removed(animator: Animator, tmp_path: Path) -> None:
    write_murmur(tmp_path / "shelf" / "a.wav", 0.4)
    left = tmp_path / "out" / ".a.0123abcd.tmp.npz"
    left.parent.mkdir()
    left.write_bytes(b"half")
    plan = planned(tmp_path / "shelf", tmp_path / "out")
    assert left.exists()
    plan.tidy()
    worked(plan, animator)
    assert list(files(tmp_path / "out")) == ["a.npz"]


def test_an_estimate_needs_no_model_and_learns_from_earlier_runs(animator: Animator, tmp_path: Path) -> None:
    write_murmur(tmp_path / "shelf" / "a.wav", 2)
    first = Estimate.of(planned(tmp_path / "shelf", tmp_path / "out"), 2)
    assert first.left == (("a", pytest.approx(2.0)),)
    assert not first.measured
    assert not (tmp_path / "out").exists()
    worked(planned(tmp_path / "shelf", tmp_path / "out"), animator)
    write_murmur(tmp_path / "shelf" / "b.wav", 3)
    later = Estimate.of(planned(tmp_path / "shelf", tmp_path / "out"), 2)
    assert (later.done, later.measured) == (1, True)
    assert later.left == (("b", pytest.approx(3.0)),)
    assert any("1 animation" in line for line in later.lines())
    hostile = replace(later, left=(("bad\udcff\n\x1b[2J", 1.0),))
    assert next(iter(hostile.lines())).endswith("bad\\udcff\\n\\x1b[2J")
