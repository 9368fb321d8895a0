"""From what a request names to samples: uploads and URIs, read and decoded within the service's limits."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np

from serve_app.config import ServeConfig
from serve_app.decoding import Decoders
from serve_app.uploads import Asked
from serve_app.uris import check_uri, fetched_uri


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

    async def samples(self, asked: Asked) -> tuple[np.ndarray, str]:
        """-> (n,) float32 16 kHz mono, and the SHA-256 of the recording's bytes."""
        if asked.audio is not None:
            return await self.decoders.decode(asked.audio)
        uri = check_uri(asked.uri, self._prefixes)
        with ExitStack() as stack:
            source = fetched_uri(uri, max_bytes=self._max_bytes, private=self._private)
            loop = asyncio.get_running_loop()
            audio = await loop.run_in_executor(self._readers, stack.enter_context, source)
            return await self.decoders.decode(audio)
