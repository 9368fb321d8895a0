"""Decoding in processes of its own: a codec that crashes, or never ends, takes nothing with it but its recording."""

import asyncio
import multiprocessing
import os
import tempfile
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from emotalk.errors import InputError, TooLongError
from serve_app import decode_worker
from serve_app.problems import BAD_AUDIO, TOO_LONG, Problem

IN_MEMORY = 2**20  # a recording up to this size goes to the process as bytes, larger ones as a file


class Decoders:
    """`count` processes, each with one recording at a time; one that dies is replaced.

    max_audio_s: longer recordings are refused before or while they are decoded. timeout_s: for one recording.
    """

    def __init__(self, count: int, max_audio_s: float, timeout_s: float) -> None:
        self._max_audio_s, self._timeout_s = max_audio_s, timeout_s
        self._free = asyncio.Semaphore(count)
        self._resting = [_Process() for _ in range(count)]

    async def decode(self, audio: BinaryIO) -> tuple[np.ndarray, str]:
        """-> (n,) float32 16 kHz mono, and the SHA-256 of the bytes. A Problem for anything but usable sound.

        `audio` is read in a thread. A client that leaves ends the process that works for it.
        """
        loop = asyncio.get_running_loop()
        source = await loop.run_in_executor(None, _handed_over, audio)
        try:
            async with self._process() as process:
                try:
                    async with asyncio.timeout(self._timeout_s):
                        return await process.run(source, self._max_audio_s)
                except TimeoutError as error:
                    raise Problem(BAD_AUDIO, f"not decoded within {self._timeout_s:g} s") from error
                except BrokenProcessPool as error:
                    raise Problem(BAD_AUDIO, "its decoder crashed: the recording is damaged") from error
                except MemoryError as error:
                    raise Problem(BAD_AUDIO, "decoding it takes too much memory") from error
                except TooLongError as error:
                    raise Problem(TOO_LONG, error.reason, max_audio_s=self._max_audio_s) from error
                except InputError as error:
                    raise Problem(BAD_AUDIO, error.reason) from error
        finally:
            if isinstance(source, Path):
                source.unlink(missing_ok=True)

    def pids(self) -> list[int]:
        """Of the processes that rest now and have worked."""
        return [pid for process in self._resting for pid in process.pids()]

    def close(self) -> None:
        """Ends the processes that rest."""
        for process in self._resting:
            process.kill()

    @asynccontextmanager
    async def _process(self) -> AsyncIterator["_Process"]:
        async with self._free:
            process = self._resting.pop()  # the last that worked: others are not started before they are needed
            try:
                yield process
            finally:
                if process.working or process.broken:
                    process.kill()
                    process = _Process()
                self._resting.append(process)


class _Process:
    """One process, started at its first recording."""

    def __init__(self) -> None:
        # Neither forked (the parent has threads, and a model's library may hold locks) nor kept from one to the next.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, context, initializer=decode_worker.limit)
        self.working = self.broken = False

    async def run(self, source: bytes | Path, max_audio_s: float) -> tuple[np.ndarray, str]:
        self.working = True
        try:
            result = await asyncio.get_running_loop().run_in_executor(
                self._pool, decode_worker.decode, source, max_audio_s
            )
        except asyncio.CancelledError:  # it still works
            raise
        except BrokenProcessPool:
            self.broken = True
            raise
        except BaseException:
            self.working = False
            raise
        self.working = False
        return result

    def pids(self) -> list[int]:
        return list(self._pool._processes or {})

    def kill(self) -> None:
        for process in list((self._pool._processes or {}).values()):
            with suppress(OSError):
                process.kill()
        self._pool.shutdown(wait=False, cancel_futures=True)


def _handed_over(audio: BinaryIO) -> bytes | Path:
    """The recording as another process can have it."""
    audio.seek(0)
    start = audio.read(IN_MEMORY + 1)
    if len(start) <= IN_MEMORY:
        return start
    handle, name = tempfile.mkstemp(prefix="emotalk-recording-")
    with os.fdopen(handle, "wb") as file:
        file.write(start)
        while block := audio.read(IN_MEMORY):
            file.write(block)
    return Path(name)
