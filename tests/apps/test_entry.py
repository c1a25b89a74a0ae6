"""The programs of `emu.apps` on this machine: `python3 -m emu.apps.NAME`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable}
PROGRAMS = ("echo", "http_client", "http_server", "probe", "service_health")
SERVE = """
ip link set lo up
emu() { "$PYTHON" -m "emu.apps.$@"; echo "status $?"; }
"$PYTHON" -m emu.apps.http_server 8080 --hostname web-0 --ready-file ready > log &
until grep -qs listening log; do sleep 0.05; done
"""


def alone(script: str, folder: Path) -> tuple[list[str], list[str]]:
    """What a script prints in a network namespace of its own, with a server on port 8080."""
    command = ["unshare", "--net", "--kill-child", "bash", "-c", SERVE + script + "\nkill %1"]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, cwd=folder, timeout=60)
    return done.stdout.splitlines(), done.stderr.splitlines()


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_of_the_emulated_stack_is_imported(name: str) -> None:
    found = "print([name for name in sys.modules if name.startswith(('emu.', 'scapy')) and not name.startswith('emu.apps')])"
    code = f"import sys, emu.apps.{name}; {found}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.root
def test_a_server_and_its_client(tmp_path: Path) -> None:
    script = "emu http_client http://127.0.0.1:8080/hostname --count 2; emu http_client http://127.0.0.1:8080/nothing; emu http_server 8080"
    out, error = alone(script, tmp_path)
    assert out == ["web-0", "web-0", "status 0", "404 page not found", "status 0", "status 1"]
    assert error == ["localhost: port 8080: Address already in use"]


@pytest.mark.root
def test_ready_while_the_file_is_there(tmp_path: Path) -> None:
    url = "http://127.0.0.1:8080/ready"
    out, error = alone(f"emu probe {url}; touch ready; emu probe {url}; emu probe tcp://127.0.0.1:8080", tmp_path)
    assert out == [f"{url}: HTTP probe failed with statuscode: 500", "status 1", f"{url}: success", "status 0", "tcp://127.0.0.1:8080: success", "status 0"]
    assert not error


@pytest.mark.root
def test_what_goes_wrong_is_one_line(tmp_path: Path) -> None:
    out, error = alone("emu http_client http://127.0.0.1:81/; emu echo 9 --to 127.0.0.1; emu http_client; emu probe ftp://x", tmp_path)
    assert out == ["status 7", "status 7", "status 2", "status 2"]
    assert error == [
        "http://127.0.0.1:81/: Connection refused",
        "port 9: Connection refused",
        "python3 -m emu.apps.http_client: the following arguments are required: url",
        "python3 -m emu.apps.probe: ftp://x: neither http://ADDRESS:PORT/PATH nor tcp://ADDRESS:PORT",
    ]
