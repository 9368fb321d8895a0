"""Decoding in processes of its own: a crash, an endless decoder and a client that leaves cost one process, no more."""

import asyncio
import io
import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serve_app import decode_worker, decoding
from serve_app.decoding import Decoders
from serve_app.problems import Problem
from tests.serve_app.recordings import voice, wav

MARK = b"kill me"


def decode_or_die(source: bytes | Path, max_audio_s: float) -> tuple[np.ndarray, str]:
    """What a broken codec does: some recordings end the process, others never end."""
    if source == MARK:
        os.kill(os.getpid(), signal.SIGSEGV)
    while source == b"for ever":
        pass
    return decode_worker.decode(source, max_audio_s)


def run(work: Callable[[Decoders], Coroutine[Any, Any, None]], *, count: int = 1, timeout_s: float = 60) -> None:
    async def whole() -> None:
        decoders = Decoders(count, max_audio_s=90, timeout_s=timeout_s)
        try:
            await work(decoders)
        finally:
            decoders.close()

    asyncio.run(whole())


def test_a_crash_costs_its_own_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding.decode_worker, "decode", decode_or_die)

    async def work(decoders: Decoders) -> None:
        async def one(data: bytes) -> np.ndarray | Problem:
            try:
                return (await decoders.decode(io.BytesIO(data)))[0]
            except Problem as problem:
                return problem

        sounds = [wav(0.2, seed) for seed in range(4)]
        answers = await asyncio.gather(*map(one, [sounds[0], MARK, sounds[1], MARK, sounds[2], sounds[3]]))
        crashed = [answer for answer in answers if isinstance(answer, Problem)]
        assert [problem.status_code for problem in crashed] == [400, 400]
        assert "crashed" in crashed[0].detail
        for seed, answer in enumerate(answer for answer in answers if isinstance(answer, np.ndarray)):
            np.testing.assert_array_equal(answer, voice(0.2, seed))

    run(work, count=2)


def test_a_killed_process_is_replaced() -> None:
    async def work(decoders: Decoders) -> None:
        for _ in range(2):
            samples, _ = await decoders.decode(io.BytesIO(wav(0.2)))
            np.testing.assert_array_equal(samples, voice(0.2))
            (pid,) = decoders.pids()
            os.kill(pid, signal.SIGKILL)
            while Path(f"/proc/{pid}").exists() and decoders.pids() == [pid] and not _is_broken(decoders):
                await asyncio.sleep(0)
            with pytest.raises(Problem, match="crashed"):
                await decoders.decode(io.BytesIO(wav(0.2)))

    run(work)


def _is_broken(decoders: Decoders) -> bool:
    (process,) = decoders._resting
    return bool(process._pool._broken)


def test_what_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding.decode_worker, "decode", decode_or_die)

    async def work(decoders: Decoders) -> None:
        await decoders.decode(io.BytesIO(wav(0.2)))  # the process is there
        decoders._timeout_s = 0.2
        with pytest.raises(Problem, match="not decoded within"):
            await decoders.decode(io.BytesIO(b"for ever"))
        decoders._timeout_s = 60
        task = asyncio.create_task(decoders.decode(io.BytesIO(b"for ever")))
        while decoders._resting:
            await asyncio.sleep(0)
        task.cancel()  # the client has left
        await asyncio.gather(task, return_exceptions=True)
        samples, _ = await decoders.decode(io.BytesIO(wav(0.3)))
        assert len(samples) == 4_800

    run(work)


def test_large_recordings_go_as_files_that_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sound = voice(40)

    async def work(decoders: Decoders) -> None:
        data = wav(40)
        assert len(data) > decoding.IN_MEMORY
        samples, sha256 = await decoders.decode(io.BytesIO(data))
        np.testing.assert_array_equal(samples, sound)
        assert len(sha256) == 64
        with pytest.raises(Problem):
            await decoders.decode(io.BytesIO(b"x" * 2**21))
        assert not list(tmp_path.iterdir())

    run(work)
