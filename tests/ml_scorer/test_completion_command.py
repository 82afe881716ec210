"""What shells complete: asked for as a shell asks, and in a real bash, with a person's keys."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from ml_scorer.cli import main

SCRIPTS = Path(sys.executable).parent


def completed(*words):
    """What completes the last of these words, as `type,value` lines."""
    environment = {
        **os.environ,
        "_ML_SCORER_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    command = [sys.executable, "-m", "ml_scorer"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()


def in_bash(folder, script, keys):
    """What stands on the line of an interactive bash after these keys."""
    main_end, other_end = pty.openpty()
    environment = {**os.environ, "PATH": f"{SCRIPTS}:{os.environ['PATH']}", "PS1": "$ ", "TERM": "dumb"}
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with subprocess.Popen(
        shell, stdin=other_end, stdout=other_end, stderr=other_end, cwd=folder, env=environment, start_new_session=True
    ) as bash:
        try:
            # The line is told by going to its start and turning it into what echo prints.
            typed = f"bind 'set enable-bracketed-paste off'; source '{script}'; echo ready\n"
            os.write(main_end, typed.encode())
            _read_until(main_end, "\nready")
            os.write(main_end, keys.encode())
            time.sleep(0.2)
            os.write(main_end, b"\x01echo '<'\x05'>'\n")
            return _read_until(main_end, ">\r\n").rpartition("\n<")[2].partition(">\r\n")[0]
        finally:
            bash.kill()
            os.close(main_end)
            os.close(other_end)


def _read_until(end, text, seconds=60):
    found, deadline = "", time.monotonic() + seconds
    while text not in found:
        ready, _, _ = select.select([end], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"{text!r} did not come within {seconds} s: {found!r}"
        found += os.read(end, 65536).decode()
    return found


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "completion.sh"
    path.write_text(CliRunner().invoke(main, ["completion", "bash"]).output)
    return path


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("ml-scorer mist\t", "ml-scorer mistakes"),
        ("ml-scorer score pred\t", "ml-scorer score predictions.csv"),
        ("ml-scorer score --order=ilsv\t", "ml-scorer score --order=ilsvrc"),
        ("ml-scorer score --annotations tab\t", "ml-scorer score --annotations tables/"),
    ],
)
def test_a_real_bash_completes(typed, line, script, tmp_path):
    (tmp_path / "predictions.csv").touch()
    (tmp_path / "tables").mkdir()
    assert in_bash(tmp_path, script, typed).rstrip() == line


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["score", "--measure", "t"], ["plain,Top1", "plain,Top5"]),
        (["score", "--order", "tf"], ["plain,tfds", "plain,tfds-sequential"]),
        (["score", "--order", "names.t"], ["file,names.t"]),
        (["score", "--order", "=", "ilsv"], ["plain,ilsvrc"]),
        (["score", "--order", "=", "tfds", "--on-error", "=", "st"], ["plain,stop"]),
        (["score", "--on-error", "="], ["plain,stop", "plain,skip"]),
        (["score", "--sort", "n"], ["plain,name", "plain,none"]),
        (["scores", "DIR", "--sort", "top"], ["plain,Top1", "plain,Top5"]),
        (["score", "runs/"], ["file,runs/"]),
        (["groups", "--groups", "g"], ["file,g"]),
        (["compare", "a.csv", "b"], ["file,b"]),
        (["score", "--on-error", ""], ["plain,stop", "plain,skip"]),
        (["completion", "z"], ["plain,zsh"]),
    ],
)
def test_values_are_completed(words, expected):
    assert completed("ml-scorer", *words) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_lines_for_both_commands(shell):
    text = CliRunner().invoke(main, ["completion", shell]).output
    assert f"_ML_SCORER_COMPLETE={shell}_complete" in text
    assert f"_BUILD_CACHE_COMPLETE={shell}_complete" in text


def test_the_shell_is_told_by_its_variable(monkeypatch):
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert "fish_complete" in CliRunner().invoke(main, ["completion"]).output
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    result = CliRunner().invoke(main, ["completion"])
    assert result.exit_code == 2
    assert "which shell? $SHELL is tcsh. Say one of bash, zsh, fish." in result.stderr
