"""The errors that users are meant to read: each says what was wrong, with what, and what to do."""


class EmoTalkError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(EmoTalkError, ValueError):
    """Something the user gave cannot be used: a broken file, a wrong shape, an unknown name.

    Jobs turn it into a row of their report and go on; the service answers it with a 4xx problem.
    """

    def __init__(self, reason: str, *, source: object = None) -> None:
        self.reason = reason
        self.source = None if source is None else str(source)
        super().__init__(reason if source is None else f"{self.source}: {reason}")

    def __reduce__(self) -> tuple[object, ...]:
        # Ray carries errors between processes by pickling; keyword-only arguments need a hand.
        return (_rebuild_input_error, (type(self), self.reason, self.source))


def _rebuild_input_error(kind: type[InputError], reason: str, source: str | None) -> InputError:
    return kind(reason, source=source)


class TooLongError(InputError):
    """A recording is longer than a stated limit; nothing else is wrong with it."""


class MissingExtraError(EmoTalkError, ImportError):
    """A feature needs an optional dependency: names the extra of this package that installs it."""

    def __init__(self, feature: str, extra: str) -> None:
        self.feature, self.extra = feature, extra
        super().__init__(
            f"{feature} needs an optional dependency: in the folder of the project, "
            f"pip install -c constraints.txt -e '.[{extra}]'"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.feature, self.extra))
