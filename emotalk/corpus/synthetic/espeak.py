"""espeak-ng in this process: text in, 16 kHz speech and the times of its speech sounds out.

espeak remembers what it spoke before, and nothing resets that. So this process only ever initialises it, and each
utterance is spoken by a forked child (a few milliseconds) that dies afterwards: the same text and settings give the
same bytes, whatever was spoken before and in whichever process.
"""

import ctypes
import json
import os
import re
import select
import signal
import struct
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.clip import Phone
from emotalk.errors import EmoTalkError, InputError, MissingExtraError

SPEAK_LIMIT_S = 60.0  # a sentence takes tens of milliseconds; only a child that hangs gets near this

# From espeak-ng's speak_lib.h.
_SYNCHRONOUS = 2
_PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 0x0001, 0x0002, 0x8000
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_HEADROOM_VOLUME = 60  # at espeak's 100 loud variants clip; the corpus sets its own level
_UTF8 = 1
_EVENT_END, _EVENT_PHONEME = 0, 7

_HEADER = struct.Struct("<II")  # bytes of JSON, bytes of 16-bit samples
_STRESS = "ˈˌ"
_CLAUSE = re.compile(r"([^,;:.!?—…]+)([,;:.!?—…]?\s*)")
_PHONEMES_IPA = 0x02
_MERGED_SHARE = 0.35  # of the vowel


@dataclass(frozen=True, kw_only=True)
class EspeakSettings:
    """Who speaks and how.

    language, variant: espeak's names of a file each, e.g. "en-GB-scotland" and "f3".
    rate_wpm: words per minute. pitch, pitch_range: espeak's scales, 50 is the voice's own, 50 more an octave or double.
    tract: length of the vocal tract relative to the variant's (0.8 to 1.25): formants and pitch scale with 1/tract, the
        rate does not.
    """

    language: str = "en-us"
    variant: str = "m3"
    rate_wpm: int = 170
    pitch: int = 50
    pitch_range: int = 50
    tract: float = 1.0

    def __post_init__(self) -> None:
        if not 80 <= self.rate_wpm <= 450:
            raise InputError(f"rate_wpm must be 80..450, not {self.rate_wpm}")
        for name, value in (("pitch", self.pitch), ("pitch_range", self.pitch_range)):
            if not 0 <= value <= 99:
                raise InputError(f"{name} must be 0..99, not {value}")
        if not 0.8 <= self.tract <= 1.25:
            raise InputError(f"tract must be 0.8..1.25, not {self.tract}")

    @property
    def voice(self) -> str:
        return f"{self.language}+{self.variant}" if self.variant else self.language


@dataclass(frozen=True)
class Speech:
    """samples: (n,) float32, 16 kHz. phones: IPA without stress marks, silences left out, seconds from sample 0."""

    samples: np.ndarray
    phones: tuple[Phone, ...]


class EspeakError(EmoTalkError):
    """espeak-ng refused, crashed or hung while speaking."""


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_void_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))

# Python 3.12 warns about any fork beside threads; the child here touches neither locks nor threads.
warnings.filterwarnings("ignore", message=".*fork\\(\\) may lead to deadlocks", category=DeprecationWarning)


@dataclass(frozen=True)
class _Engine:
    library: Any
    rate_hz: int
    data: Path


_Task = Callable[[_Engine], tuple[dict[str, Any], bytes]]  # what a child does -> its answer and samples
_engine: _Engine | None = None
_engine_lock = threading.Lock()


def available() -> bool:
    """Whether the extra `synthetic` is installed."""
    try:
        import espeakng_loader  # noqa: F401
    except ImportError:
        return False
    return True


def synthesise(text: str, settings: EspeakSettings) -> Speech:
    """Speak `text`. Pure: equal arguments give equal bytes. Safe to call from several threads."""
    engine = _initialised()
    if settings.variant and not (engine.data / "voices" / "!v" / settings.variant).is_file():
        raise InputError(f"espeak-ng has no voice variant {settings.variant!r}", source=settings.voice)
    answer, pcm = _in_child(engine, partial(_speak, text, settings), f"speak {text!r} as {settings.voice}")
    samples = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768
    # A longer tract is the same sound played slower, as if espeak's own sample rate were lower.
    tract = Fraction(settings.tract).limit_denominator(25)
    ratio = Fraction(SAMPLE_RATE, engine.rate_hz) * tract
    resampled = scipy.signal.resample_poly(samples, ratio.numerator, ratio.denominator, window=_low_pass(ratio))
    phones = _phones(answer["events"], len(samples), engine.rate_hz / float(tract))
    return Speech(np.asarray(resampled, np.float32), phones)


def pronounce(text: str, language: str) -> str:
    """`text` in IPA with stress marks, spaces between words and its punctuation, as espeak reads it. Pure."""
    answer, _ = _in_child(_initialised(), partial(_read_aloud, text, language), f"pronounce {text!r} in {language}")
    return str(answer["ipa"])


@cache
def _low_pass(ratio: Fraction) -> np.ndarray:
    """The anti-aliasing filter of a resampling ratio: 95 % of the narrower band, 12 of its samples to each side."""
    widest = max(ratio.numerator, ratio.denominator)
    return scipy.signal.firwin(2 * 12 * widest + 1, 0.95 / widest, window=("kaiser", 6.0)).astype(np.float32)


def _phones(events: list[tuple[int, str]], n: int, rate_hz: float) -> tuple[Phone, ...]:
    """(sample, IPA) events in order -> phones; each lasts until the next event, nameless events are silence."""
    ends = [start for start, _ in events[1:]] + [n]
    phones: list[Phone] = []
    for (start, name), end in zip(events, ends, strict=True):
        name = name.strip(_STRESS + " _")
        start_s, end_s = start / rate_hz, end / rate_hz
        if not name:
            continue
        if end == start and phones:
            # espeak renders a final l or r as the end of its vowel: that is where it is heard.
            vowel = phones[-1]
            start_s = vowel.start_s + (1 - _MERGED_SHARE) * (vowel.end_s - vowel.start_s)
            phones[-1] = replace(vowel, end_s=start_s)
        phones.append(Phone(name, start_s, end_s))
    return tuple(phones)


def _initialised() -> _Engine:
    """espeak, loaded and initialised but silent: every child starts from this state."""
    global _engine
    with _engine_lock:
        if _engine is None:
            try:
                import espeakng_loader
            except ImportError as error:
                raise MissingExtraError("The synthetic corpus", "synthetic") from error
            data = Path(espeakng_loader.get_data_path())
            library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
            options = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
            rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data), options)
            if rate_hz <= 0:
                raise EspeakError(f"espeak-ng could not initialise from {data}")
            _engine = _Engine(library, rate_hz, data)
        return _engine


def _speak(text: str, settings: EspeakSettings, engine: _Engine) -> tuple[dict[str, Any], bytes]:
    """Runs in the child only. -> ({"events": [(sample, IPA), ...]} or {"error": why}, 16-bit samples)."""
    pieces: list[bytes] = []
    events: list[tuple[int, str]] = []

    def collect(wave: Any, count: int, event: Any) -> int:
        if wave and count > 0:
            pieces.append(ctypes.string_at(wave, 2 * count))
        i = 0
        while event[i].type != _EVENT_END:
            if event[i].type == _EVENT_PHONEME:
                events.append((event[i].sample, event[i].id.string.decode("utf-8", "replace")))
            i += 1
        return 0

    library = engine.library
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # flutter and breath noise draw from it
    callback = _CALLBACK(collect)
    library.espeak_SetSynthCallback(callback)
    if status := library.espeak_SetVoiceByName(settings.voice.encode()):
        return {"error": f"unknown voice (status {status})"}, b""
    parameters = {
        _RATE: round(settings.rate_wpm * settings.tract),
        _VOLUME: _HEADROOM_VOLUME,
        _PITCH: settings.pitch,
        _RANGE: settings.pitch_range,
    }
    for parameter, value in parameters.items():
        library.espeak_SetParameter(parameter, value, 0)
    data = text.encode()
    if status := library.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 0, 0, _UTF8, None, None):
        return {"error": f"synthesis failed (status {status})"}, b""
    if not pieces:
        return {"error": "no sound came out"}, b""
    return {"events": events}, b"".join(pieces)


def _read_aloud(text: str, language: str, engine: _Engine) -> tuple[dict[str, Any], bytes]:
    """Runs in the child only. -> ({"ipa": text} or {"error": why}, nothing)."""
    library = engine.library
    if status := library.espeak_SetVoiceByName(language.encode()):
        return {"error": f"unknown language (status {status})"}, b""
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    parts = []
    # Clause by clause: punctuation is no sound, so what stood between the clauses is put back.
    for clause, mark in _CLAUSE.findall(text):
        rest = ctypes.c_char_p(clause.encode())
        while rest.value:
            parts.append(library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _PHONEMES_IPA).decode())
        parts.append(mark)
    return {"ipa": "".join(parts)}, b""


def _in_child(engine: _Engine, task: _Task, what: str) -> tuple[dict[str, Any], bytes]:
    """Fork, do the task in the child, read its answer through a pipe. Leaves neither a process nor a descriptor behind.

    EspeakError, which says `what` could not be done, where the answer is an error or none comes.
    """
    reader, writer = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        raise
    if pid == 0:
        # Whatever happens here, the child ends in _exit: no handler, no flush, no exit hook of the parent may run.
        try:
            _answer(writer, engine, task)
            os._exit(0)
        finally:
            os._exit(1)
    try:
        os.close(writer)
        deadline = time.monotonic() + SPEAK_LIMIT_S
        json_bytes, pcm_bytes = _HEADER.unpack(_read(reader, _HEADER.size, deadline))
        answer = json.loads(_read(reader, json_bytes, deadline))
        pcm = _read(reader, pcm_bytes, deadline)
        if "error" in answer:
            raise EspeakError(answer["error"])
        return answer, pcm
    except EspeakError as error:
        raise EspeakError(f"espeak-ng could not {what}: {error}") from None
    finally:
        os.close(reader)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # it has said all it had to say, or hangs
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _answer(writer: int, engine: _Engine, task: _Task) -> None:
    try:
        answer, pcm = task(engine)
    except Exception as error:
        answer, pcm = {"error": repr(error)}, b""
    head = json.dumps(answer).encode()
    rest = memoryview(_HEADER.pack(len(head), len(pcm)) + head + pcm)
    while rest:
        rest = rest[os.write(writer, rest) :]


def _read(reader: int, count: int, deadline: float) -> bytes:
    """Exactly `count` bytes. Does not rely on end-of-file: a child of another thread may hold the pipe open too."""
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    out = bytearray()
    while len(out) < count:
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise EspeakError(f"its process did not answer within {SPEAK_LIMIT_S:g} s")
        piece = os.read(reader, min(count - len(out), 1 << 20))
        if not piece:
            raise EspeakError("its process died")
        out += piece
    return bytes(out)
