"""From what a request names to samples: uploads and URIs, read and decoded within the service's limits."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import BinaryIO, NamedTuple

import numpy as np

from emotalk.dubbing.recording import EMOTION_SHA256, SOURCE_SHA256
from serve_app import tracing
from serve_app.config import ServeConfig
from serve_app.decoding import Decoders
from serve_app.uploads import Asked
from serve_app.uris import check_uri, fetched_uri


class Sound(NamedTuple):
    """samples: (n,) float32 16 kHz mono. emotion: (m,) of the other recording. meta: digests of their bytes."""

    samples: np.ndarray
    emotion: np.ndarray | None
    meta: dict[str, str]


class Recordings:
    """Reads and decodes for one ingress."""

    def __init__(self, config: ServeConfig) -> None:
        self._prefixes: Sequence[str] = config.uri_prefixes
        self._private = config.uri_private
        self._max_bytes = config.max_body_bytes
        self.decoders = Decoders(config.decoders, config.max_audio_s, config.decode_timeout_s)
        self._readers = ThreadPoolExecutor(2 * config.decoders, thread_name_prefix="reader")

    def check(self, asked: Asked) -> None:
        """A Problem for a URI that may not be read; nothing is read yet."""
        if asked.audio is None:
            check_uri(asked.uri, self._prefixes)
        if asked.emotion_uri is not None:
            check_uri(asked.emotion_uri, self._prefixes)

    async def read(self, asked: Asked) -> Sound:
        """A Problem for what cannot be read or is no usable sound."""
        self.check(asked)
        samples, sha256 = await self._samples(asked.audio, asked.uri)
        if asked.emotion_audio is None and asked.emotion_uri is None:
            return Sound(samples, None, {SOURCE_SHA256: sha256})
        emotion, other = await self._samples(asked.emotion_audio, asked.emotion_uri)
        return Sound(samples, emotion, {SOURCE_SHA256: sha256, EMOTION_SHA256: other})

    async def _samples(self, audio: BinaryIO | None, uri: str | None) -> tuple[np.ndarray, str]:
        with ExitStack() as stack:
            stack.enter_context(tracing.current().span("decode"))
            if audio is not None:
                return await self.decoders.decode(audio)
            assert uri is not None
            source = fetched_uri(uri, max_bytes=self._max_bytes, private=self._private)
            loop = asyncio.get_running_loop()
            file = await loop.run_in_executor(self._readers, stack.enter_context, source)
            return await self.decoders.decode(file)
