"""What tools/install does once a fit python3 is found: .venv made whole for this checkout, by one process at a time.

`.venv/.emu-root` holds the checkout's path (an editable install breaks when the checkout moves); `.venv/.emu-run` and `.venv/.emu-test` are
copies of the pyproject.toml that was installed, written last: a launcher that finds its copy equal starts at once. `.venv/.emu-unfinished` is
there while pip works: an installation that was killed half-way is thrown away and made again, because pip may take half a package for a whole one.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn


def fail(message: str) -> NoReturn:
    print(f"emu: {message}", file=sys.stderr)
    sys.exit(2)


def put(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or the one before."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(path)


def installed(venv: Path, root: Path, pyproject: bytes, what: str) -> bool:
    try:
        return (
            (venv / ".emu-root").read_text() == f"{root}\n"
            and (venv / f".emu-{what}").read_bytes() == pyproject
            and os.access(venv / "bin/python", os.X_OK)
        )
    except OSError:
        return False


def usable(venv: Path) -> bool:
    """Whether pip can work in .venv: it is there, its Python runs and is new enough, and no installation was cut short in it."""
    if (venv / ".emu-unfinished").exists() or not (venv / "pyvenv.cfg").exists():
        return False
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([venv / "bin/python", "-I", "-c", check], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def make(venv: Path) -> None:
    # The interpreter by its real name (python3.11, not python3): when the system moves on to another version the link dangles and .venv is
    # made again, instead of living on without its packages.
    python = os.path.realpath(sys.executable)
    done = subprocess.run([python, "-m", "venv", "--clear", venv], capture_output=True, text=True)
    if done.returncode:
        if "ensurepip" in done.stdout + done.stderr:
            fail("python3 cannot make a virtual environment: install its venv module (Debian and Ubuntu: apt-get install python3-venv)")
        fail(f"{python} -m venv {venv} failed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def install(venv: Path, root: Path, what: str, lock: int) -> bool:
    target = f"{root}[test]" if what == "test" else str(root)
    environment = {key: value for key, value in os.environ.items() if key not in {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"}}
    environment |= {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    pip = [venv / "bin/python", "-m", "pip", "install", "--quiet", "--no-warn-script-location", "--editable", target]
    return subprocess.run(pip, env=environment, stdin=subprocess.DEVNULL, pass_fds=[lock]).returncode == 0


def main() -> None:
    root, what = Path(sys.argv[1]), sys.argv[2]
    venv = root / ".venv"
    pyproject = (root / "pyproject.toml").read_bytes()
    # The lock is on the tools folder itself: no lock file to leave behind. pip holds it too, so that a pip that outlives us is waited for.
    lock = os.open(root / "tools", os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("emu: waiting for another installation to finish", file=sys.stderr)
        fcntl.flock(lock, fcntl.LOCK_EX)
    if installed(venv, root, pyproject, what):
        return
    print(f"emu: installing into {venv} (first use, or pyproject.toml has changed)", file=sys.stderr)
    try:
        if not usable(venv):
            make(venv)
        unfinished = venv / ".emu-unfinished"
        unfinished.touch()
        if not install(venv, root, what, lock):
            unfinished.unlink()  # pip gave up by itself and undid what it had begun
            fail(f"installing into {venv} failed, see above; the next use tries again")
        put(venv / ".emu-root", f"{root}\n".encode())
        if what == "test":
            put(venv / ".emu-test", pyproject)
        put(venv / ".emu-run", pyproject)
        unfinished.unlink()
    except OSError as error:
        fail(f"cannot install into {venv}: {error.strerror or error}")
    except KeyboardInterrupt:
        sys.exit(130)


main()
