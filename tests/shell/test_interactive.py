"""A shell to type in, on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shell.conftest import EMU, ENVIRONMENT


class Terminal:
    """What a user does at one."""

    def __init__(self, folder: Path, *command: str) -> None:
        self.fd, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 50, 250, 0, 0))  # wide: readline scrolls what does not fit
        environment = {**ENVIRONMENT, "TERM": "dumb", "INPUTRC": "/dev/null"}
        words = ["setsid", "-c", *(command or EMU), "--no-captures"]
        self.process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=folder, close_fds=True)
        os.close(theirs)
        self.text = ""

    def wait_for(self, pattern: str) -> str:
        """What is on the screen up to there, since the last time."""
        deadline = time.monotonic() + 30
        while (found := re.search(pattern, self.text)) is None:
            assert time.monotonic() < deadline, f"{pattern!r} does not appear: {self.text[-500:]!r}"
            if select.select([self.fd], [], [], 1)[0]:
                self.text += os.read(self.fd, 65536).decode(errors="replace").replace("\r", "")
        shown, self.text = self.text[: found.end()], self.text[found.end() :]
        return shown

    def type(self, line: str) -> None:
        """Keys."""
        os.write(self.fd, line.encode())

    def does(self, line: str, prompt: str = "emu:host:") -> str:
        """A line, and what is shown until the next prompt."""
        self.type(f"{line}\n")
        return self.wait_for(prompt)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path)
    yield made
    made.process.kill()
    made.process.wait()
    os.close(made.fd)


def test_prompt_namespaces_editing_and_interrupts(terminal: Terminal) -> None:
    terminal.wait_for("emu:host:")
    terminal.does("ip netns add red; ip -n red link set lo up")
    terminal.does("ip netns exec red bash", prompt="emu:red:")
    assert "\nred\n" in terminal.does("ip netns identify", prompt="emu:red:")
    assert "\nedited\n" in terminal.does("echo edixx\x7f\x7fted", prompt="emu:red:")
    terminal.type("ping 127.0.0.1\n")
    terminal.wait_for("icmp_seq=3 ")
    terminal.type("\x03")
    assert " 0% packet loss" in terminal.wait_for("emu:red:")
    assert "\n0\n" in terminal.does("echo $?", prompt="emu:red:")
    terminal.type("sleep inf\n")
    terminal.wait_for("sleep inf\n")
    time.sleep(0.5)
    terminal.type("\x03")
    terminal.wait_for("emu:red:")
    assert "\n130\n" in terminal.does("echo $?", prompt="emu:red:")
    terminal.does("exit 5")
    assert "\n5\n" in terminal.does("echo $?")
    terminal.type("exit 3\n")
    assert terminal.process.wait(30) == 3


def test_a_job_in_the_background_and_the_end_of_input(terminal: Terminal) -> None:
    terminal.wait_for("emu:host:")
    terminal.does("sleep 1h && echo an hour later > done &")
    terminal.does("wait")
    assert "an hour later" in terminal.does("cat done")
    terminal.type("\x04")
    assert terminal.process.wait(30) == 0


def test_a_shell_in_a_cluster(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text("{apiVersion: v1, kind: Pod, metadata: {name: client}, spec: {containers: [{name: c, image: busybox}]}}")
    shell = Terminal(tmp_path, *EMU[:-1], "shell", "-f", "pod.yaml")
    try:
        shell.wait_for("emu:host:")
        assert "client   1/1     Running" in shell.does("kubectl get pods")
        shell.type("kubectl exec -it client -- bash --norc\n")
        shell.wait_for("emu:client:")
        shell.type("ping kubernetes.default.svc.cluster.local\n")
        shell.wait_for("PING kubernetes.default.svc.cluster.local ")
        time.sleep(0.5)
        assert "packets transmitted" in shell.does("\x03", "emu:client:")
        shell.does("exit")
        shell.type("exit 5\n")
        assert shell.process.wait(30) == 5
    finally:
        shell.process.kill()
        shell.process.wait()
        os.close(shell.fd)
