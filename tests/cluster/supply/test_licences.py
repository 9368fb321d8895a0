"""The licences of what is installed here, and what the check refuses."""

from email.message import Message

import pytest

from cluster.supply.licences import LicenceConfig, Rules, listed, pinned, run
from emotalk.errors import EmoTalkError


@pytest.fixture(scope="module")
def rules() -> Rules:
    return Rules.load()


def test_everything_installed_is_allowed_and_listed_as_it_is() -> None:
    assert run(LicenceConfig()) == 0


def test_the_list_has_every_package_of_constraints_and_locks() -> None:
    assert set(listed()) == set(pinned())
    for name, version in pinned().items():
        assert listed()[name].startswith(f"| {name} | {version} | ")


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("GPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", False),
        ("(MIT OR GPL-2.0-only) AND BSD-3-Clause", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("", False),
    ],
)
def test_expressions(rules: Rules, licence: str, allowed: bool) -> None:
    assert rules.allows(licence) == allowed
    if not allowed:
        with pytest.raises(EmoTalkError, match="does not allow"):
            rules.why("some-package", licence)


def test_an_exception_is_for_one_package_and_one_licence(rules: Rules) -> None:
    assert rules.why("espeakng-loader", "GPL-3.0-or-later")
    for name, licence in (("espeakng-loader", "AGPL-3.0-only"), ("another", "GPL-3.0-or-later")):
        with pytest.raises(EmoTalkError, match="does not allow"):
            rules.why(name, licence)


def test_a_package_that_does_not_tell_is_named(rules: Rules) -> None:
    said = Message()
    said["License"] = "see LICENSE"
    with pytest.raises(EmoTalkError, match="silent: what is its licence"):
        rules.licence_of("silent", said)  # type: ignore[arg-type]
    said["Classifier"] = "License :: OSI Approved :: MIT License"
    assert rules.licence_of("silent", said) == "MIT"  # type: ignore[arg-type]
