"""docs/cli.md lists what there is."""

import re
from collections.abc import Iterator
from typing import Any

import typer.main

from krai.cli import ending
from krai.cli.app import app
from scripts.cli_session import PAGE, SESSION, STEADY, steady, with_session

TEXT = PAGE.read_text()


def test_every_command_stands_in_the_table() -> None:
    lines = [line.split("|")[1] for line in TEXT.splitlines() if line.startswith("| `")]
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        (line,) = [line for line in lines if re.search(rf"`{name}\b", line)]
        missing = [inner for inner in getattr(command, "commands", {}) if not re.search(rf"[ `]{inner}`", line)]
        assert missing == [], name


def test_every_option_has_the_variable_that_its_name_promises() -> None:
    for path, command in _commands(typer.main.get_command(app), "KRAI_CLI"):
        for option in command.params:
            words = [word for word in option.opts if word.startswith("--")]
            if not words or option.name in {"help", "_version", "install_completion", "show_completion"}:
                continue
            name = words[0].removeprefix("--").replace("-", "_").upper()
            found = option.envvar or f"{path}_{option.name}".upper()
            assert found in {f"{path}_{name}", f"KRAI_{name}"}, f"{path} {words}"


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, f"{path}_{name}".upper())


def test_every_exit_code_stands_in_the_table() -> None:
    codes = {value for name, value in vars(ending).items() if name.isupper() and isinstance(value, int)}
    assert codes == {int(code) for code in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)}


def test_the_session_is_of_the_commands_that_are_typed() -> None:
    typed = re.findall(r"^\$ (.*)$", TEXT, re.MULTILINE)
    assert [re.sub(r"[0-9a-f]{32}", "JOB", line) for line in typed] == list(SESSION)


def test_a_session_is_the_same_whenever_it_was_typed() -> None:
    one = f"http://127.0.0.1:2345 {'a' * 32} 2026-11-26 01:02:03Z  0:01 krai_{'0' * 16}_abc"
    other = f"http://127.0.0.1:9876 {'b' * 32} 2027-01-02 03:04:05Z  0:00 krai_{'1' * 16}_def"
    assert steady(one, {}) == steady(other, {})
    assert len(STEADY) > 1
    assert with_session(with_session(TEXT, "x\n"), "x\n") == with_session(TEXT, "x\n")
