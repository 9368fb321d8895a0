"""What a run's workers post and its driver looks at; the same numbers go to Ray's metrics."""

from dataclasses import dataclass, field

import ray
from ray.util.metrics import Counter, Gauge

from emotalk.training.watchers import EpochRecord, StepRecord


@dataclass
class Posted:
    """What was posted since the last look, in order."""

    records: list[StepRecord | EpochRecord] = field(default_factory=list)


@ray.remote(num_cpus=0)
class TrainingBoard:
    """Passes records on, and keeps them until the next look."""

    def __init__(self, run: str) -> None:
        self._posted = Posted()
        tags = {"run": run}

        def gauge(name: str, description: str, *more: str) -> Gauge:
            made = Gauge(f"emotalk_train_{name}", description, ("run", *more))
            made.set_default_tags(tags)
            return made

        self._loss = gauge("loss", "Loss of the last step, by name.", "loss")
        self._validation = gauge("validation_loss", "Loss over the validation split, by name.", "loss")
        self._rate = gauge("learning_rate", "Learning rate of the last step.")
        self._epoch = gauge("epoch", "Epochs done, with the share of the one that is going on.")
        self._step_s = gauge("step_seconds", "Duration of the last step.")
        self._wait = gauge("data_wait_ratio", "Share of the last step that was waiting for data.")
        self._padding = gauge("padding_ratio", "Share of the last step's computed frames that are none.")
        self._memory = gauge("gpu_memory_bytes", "The most that the first worker's GPU has held.")
        self._audio = Counter("emotalk_train_audio_seconds", "Sound that was trained on.", ("run",))
        self._audio.set_default_tags(tags)

    def stepped(self, record: StepRecord) -> None:
        self._posted.records.append(record)
        total_s = record.waited_s + record.computed_s
        for name, value in record.losses.items():
            self._loss.set(value, {"loss": name})
        self._rate.set(record.learning_rate)
        self._epoch.set(record.epoch - 1 + record.step / record.steps)
        self._step_s.set(total_s)
        self._wait.set(record.waited_s / total_s)
        self._padding.set(record.padding)
        self._memory.set(record.gpu_bytes)
        self._audio.inc(record.audio_s)

    def epoch_done(self, record: EpochRecord) -> None:
        self._posted.records.append(record)
        for name, value in record.metrics.items():
            if name.startswith("validation_"):
                self._validation.set(value, {"loss": name.removeprefix("validation_")})

    def look(self) -> Posted:
        posted, self._posted = self._posted, Posted()
        return posted
