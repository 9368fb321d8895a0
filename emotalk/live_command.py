"""`emotalk live URL SPEECH` or `--microphone`: speaks to a service and shows how fast the face follows."""

import asyncio
import queue
import signal
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from emotalk.animation import Animation
from emotalk.controls import Controls
from emotalk.errors import EmoTalkError, InputError, MissingExtraError

if TYPE_CHECKING:
    from emotalk.client.live import LivePiece, LiveSession

RATE = 16_000
CHUNK_S = 0.1
FPS = 30


@dataclass(frozen=True, kw_only=True)
class Live:
    """Sends speech to a service as it is spoken and tells frame rate and delay of the face that comes back."""

    url: tyro.conf.Positional[str]
    """The service, as http://127.0.0.1:8000."""
    speech: str | None = None
    """Recording to send at the speed of speech: any audio or video file, or a URI."""
    microphone: bool = False
    """Send what the microphone hears, until Ctrl-C."""
    output: Annotated[str | None, tyro.conf.arg(aliases=["-o"])] = None
    """File for the animation; its suffix picks the format."""
    key: str | None = None
    """API key, where the service wants one."""
    model: str | None = None
    """Name of one of the service's models."""
    chunk_s: float = CHUNK_S
    """Seconds of sound in one message: what a sound waits before it is sent."""
    controls: Annotated[Controls, tyro.conf.arg(name="")] = field(default_factory=Controls)

    def __post_init__(self) -> None:
        if (self.speech is None) == (not self.microphone):
            raise InputError("give either --speech FILE or --microphone")
        if not 0.01 <= self.chunk_s <= 1:
            raise InputError(f"chunk_s must lie between 0.01 and 1, not {self.chunk_s}")
        if self.output is not None:
            from emotalk.formats import format_for

            format_for(self.output)

    def run(self) -> int:
        return asyncio.run(self._run())

    async def _run(self) -> int:
        from emotalk.client import AsyncClient

        watch = Watch()
        pieces: list[Animation] = []
        async with (
            AsyncClient(self.url, key=self.key) as service,
            service.live(self.controls, rate=RATE, model=self.model) as session,
        ):
            speaker = asyncio.create_task(self._speak(session, watch))
            try:
                async for piece in session:
                    watch.show(piece, session.resumed)
                    pieces.append(piece.animation)
                await speaker
            finally:
                speaker.cancel()
                await asyncio.gather(speaker, return_exceptions=True)
            print(watch.summary(session))
        if self.output is not None and pieces:
            from emotalk.formats import write_animation

            write_animation(self.output, pieces)
        return 0

    async def _speak(self, session: "LiveSession", watch: "Watch") -> None:
        sound = microphone(self.chunk_s) if self.microphone else spoken(self.speech or "", self.chunk_s)
        try:
            async for chunk in sound:
                await session.send(chunk)
                watch.sent(len(chunk))
            await session.end()
        except BaseException:
            await session.close()  # who waits for pieces waits no longer
            raise


class Watch:
    """Measures: when each sample was sent, and when the frame that shows it was here."""

    def __init__(self) -> None:
        self._sent: deque[tuple[int, float]] = deque()  # samples up to here, and when
        self._total = 0
        self._delays: list[float] = []
        self._frames: deque[tuple[float, int]] = deque()

    def sent(self, samples: int) -> None:
        """Samples that have just been spoken."""
        self._total += samples
        self._sent.append((self._total, monotonic()))

    def took(self, piece: "LivePiece") -> None:
        for frame in range(piece.first, piece.first + piece.animation.frames):
            sample = frame * RATE / FPS
            while self._sent and self._sent[0][0] <= sample:
                self._sent.popleft()
            if not self._sent:
                break  # of the tail, which shows no sound
            until, at = self._sent[0]
            self._delays.append(piece.arrived - (at - (until - sample) / RATE))
        self._frames.append((piece.arrived, piece.animation.frames))
        while self._frames[0][0] < piece.arrived - 1:
            self._frames.popleft()

    def show(self, piece: "LivePiece", resumed: int) -> None:
        """One line that renews itself."""
        self.took(piece)
        rate = sum(frames for _, frames in self._frames)
        again = f", resumed {resumed} times" if resumed else ""
        last = f"{1000 * self._delays[-1]:.0f} ms" if self._delays else "–"
        at_s = (piece.first + piece.animation.frames) / FPS
        print(f"\r{at_s:8.1f} s  {rate:3d} frames in the last second, delay {last}{again}  ", end="", flush=True)

    def summary(self, session: "LiveSession") -> str:
        """The whole, with what the model itself waits for."""
        if not self._delays:
            return "\nno frames"
        middle, late = 1000 * np.percentile(self._delays, [50, 99])
        heard = session.heard or {}
        label = max(heard, key=lambda name: heard[name]) if heard else "nothing"
        return (
            f"\n{len(self._delays)} frames, from a sound to its frame {middle:.0f} ms (median), {late:.0f} ms (99 of "
            f"100); the model waits for {session.ready['delay_ms']:.0f} ms of them; heard {label}"
        )


async def spoken(speech: str, chunk_s: float) -> AsyncIterator[np.ndarray]:
    """A recording at the speed of speech."""
    from emotalk.audio import stream_audio

    began, sent = monotonic(), 0
    for chunk in stream_audio(speech, block_samples=int(chunk_s * RATE)):
        sent += len(chunk)
        await asyncio.sleep(max(0.0, began + sent / RATE - monotonic()))  # a sound can be sent when it is over
        yield chunk


async def microphone(chunk_s: float) -> AsyncIterator[np.ndarray]:
    """What the default microphone hears, until Ctrl-C."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: the package is there, PortAudio is not
        raise MissingExtraError("listening to a microphone", "microphone") from error
    heard: queue.SimpleQueue[np.ndarray | None] = queue.SimpleQueue()

    def listen(samples: Any, *_: object) -> None:
        heard.put(samples[:, 0].copy())

    try:
        stream = sounddevice.InputStream(
            samplerate=RATE, channels=1, dtype="float32", blocksize=int(chunk_s * RATE), callback=listen
        )
    except sounddevice.PortAudioError as error:
        raise EmoTalkError(f"the microphone cannot be used ({error})") from error
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, heard.put, None)
    with stream:
        while (chunk := await asyncio.to_thread(heard.get)) is not None:
            yield chunk
