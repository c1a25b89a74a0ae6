"""The launchers in a checkout of their own, with a space in its path: what they start, and what they say when they cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Stands in for .venv's Python: says how it was called.
ECHO = '#!/bin/sh\nprintf "%s|" "$0" "$@"\necho\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose .venv is complete, with a Python that only says how it was called."""
    top = tmp_path / "a checkout"
    shutil.copytree(ROOT / "tools", top / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", top)
    (top / ".venv/bin").mkdir(parents=True)
    script(top / ".venv/bin/python", ECHO)
    (top / ".venv/.emu-root").write_text(f"{top}\n")
    for what in ("run", "test"):
        shutil.copy(top / "pyproject.toml", top / f".venv/.emu-{what}")
    return top


def script(path: Path, content: str) -> None:
    path.write_text(content)
    path.chmod(0o755)


def run(command: Path | str, *arguments: str, cwd: str | Path = "/", path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path, "HOME": "/nonexistent"}
    return subprocess.run([str(command), *arguments], cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def test_an_installed_checkout_starts_at_once_with_the_arguments_as_they_are(checkout: Path) -> None:
    done = run(checkout / "tools/emu", "run", "two words", "")
    assert done.stdout == f"{checkout}/.venv/bin/python|-P|-m|emu|run|two words||\n"
    assert done.stderr == ""


def test_parity_is_started_with_the_checkout_to_import_from(checkout: Path) -> None:
    script(checkout / ".venv/bin/python", ECHO + 'echo "$PYTHONPATH"\n')
    done = run(checkout / "tools/parity", "--fresh", "two words")
    assert done.stdout == f"{checkout}/.venv/bin/python|-P|-m|tests.parity|--fresh|two words|\n{checkout}\n"
    assert done.stderr == ""


def test_the_tests_tell_what_they_skipped(checkout: Path) -> None:
    assert run(checkout / "tools/test", "-k", "arp").stdout == f"{checkout}/.venv/bin/python|-m|pytest|-rs|-k|arp|\n"


@pytest.mark.parametrize("how", ["./emu", "../tools/emu", "../link"])
def test_the_launcher_finds_its_checkout_from_anywhere(checkout: Path, how: str) -> None:
    (checkout / "link").symlink_to("tools/emu")
    assert run(how, "list", cwd=checkout / "tools").stdout == f"{checkout}/.venv/bin/python|-P|-m|emu|list|\n"


@pytest.mark.parametrize("change", ["pyproject", "moved", "no python", "unfinished"])
def test_a_stale_installation_is_made_again_before_the_start(checkout: Path, change: str) -> None:
    script(checkout / "tools/install", '#!/bin/sh\necho "install $1" >&2\nexit 7\n')
    if change == "pyproject":
        (checkout / "pyproject.toml").write_text("# another")
    elif change == "moved":
        checkout = checkout.rename(checkout.with_name("elsewhere"))
    elif change == "no python":
        (checkout / ".venv/bin/python").unlink()
        (checkout / ".venv/bin/python").symlink_to("python3.9-that-is-gone")
    else:
        (checkout / ".venv/.emu-run").unlink()
    done = run(checkout / "tools/emu", "list")
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "install run\n")


OLD_PYTHON = f"""#!/bin/sh
exec {sys.executable} -c 'import sys; sys.version_info = (3, 10, 4); sys.version = "3.10.4 (old)"; exec(sys.argv[2])' "$@"
"""


@pytest.mark.parametrize("launcher", ["emu", "test"])
def test_an_old_python_is_one_clear_line(checkout: Path, tmp_path: Path, launcher: str) -> None:
    shutil.rmtree(checkout / ".venv")
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin/python3", OLD_PYTHON)
    done = run(checkout / "tools" / launcher, path=f"{tmp_path}/bin:/usr/bin:/bin")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(" is Python 3.10.4: emu needs 3.11 or newer\n")
    assert done.stderr.count("\n") == 1
    assert not (checkout / ".venv").exists()


def test_no_python_is_one_clear_line(checkout: Path, tmp_path: Path) -> None:
    shutil.rmtree(checkout / ".venv")
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "dirname"):
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    done = run(checkout / "tools/emu", path=f"{tmp_path}/bin")
    assert (done.returncode, done.stderr) == (2, "emu: python3 not found: emu needs Python 3.11 or newer\n")


@pytest.mark.slow
def test_first_use_at_the_same_time_and_after_an_interruption(checkout: Path) -> None:
    """Installs for real, which needs the package index."""
    shutil.rmtree(checkout / ".venv")
    shutil.copytree(ROOT / "emu", checkout / "emu", ignore=shutil.ignore_patterns("__pycache__"))
    command = [str(checkout / "tools/test"), "--version"]
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(command, capture_output=True, timeout=3)
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(2)]
    assert [process.communicate()[0].startswith("pytest ") for process in both] == [True, True]
    assert not (checkout / ".venv/.emu-unfinished").exists()
    assert run(checkout / "tools/test", "--version").stderr == ""
