"""Programs that are no stand-ins and open a network socket: one line for each, and an error where it can be seen."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from emu.shell.sockets import MACHINES, program
from tests.shell.conftest import Sh

LINE = "emu: not emulated: {} opens a network socket ({}); only the stand-ins reach the emulated network"


def told(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("emu: ")]


def test_a_program_is_named_once_and_fails(sh: Sh) -> None:
    script = """
    cat > program.py <<'END'
import socket
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_INET):
    try:
        socket.socket(family)
    except OSError as error:
        print(error.strerror)
socket.socket(socket.AF_UNIX).close()
END
    python3 program.py first; python3 -c 'import socket; socket.socket(type=socket.SOCK_DGRAM)' 2> /dev/null; echo $?
    """
    done = sh(script)
    assert done.stdout == "Operation not permitted\n" * 3 + "1\n"
    assert done.stderr.splitlines() == [
        LINE.format("python3 program.py first", "AF_INET"),
        LINE.format("python3 -c import socket; socket.socket(type=socket.SOCK_...", "AF_INET"),
    ]


def test_bash_itself(sh: Sh) -> None:
    done = sh("(exec 3<> /dev/tcp/10.0.0.1/80) || echo failed")
    assert done.stdout == "failed\n"
    assert len(told(done.stderr)) == 1
    assert told(done.stderr)[0].startswith("emu: not emulated: bash ")


@pytest.mark.skipif(shutil.which("ip") is None, reason="this machine has no ip")
def test_a_copy_of_a_real_tool_does_not_show_an_empty_network(sh: Sh, tmp_path: Path) -> None:
    shutil.copy(str(shutil.which("ip")), tmp_path / "tool")
    done = sh("ip netns add a; ip netns exec a ./tool link")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == LINE.format("tool link", "AF_NETLINK") + "\nCannot open netlink socket: Operation not permitted\n"


def test_scapy_can_be_used_to_read_a_capture(sh: Sh) -> None:
    """It asks for the devices when it is imported; a socket to sniff with it does not get."""
    program = "from scapy.layers.l2 import Ether; print(Ether().type); import socket; socket.socket(socket.AF_PACKET)"
    done = sh(f"{sys.executable} -c '{program}' 2>&1 | grep -v '^ '; exit ${{PIPESTATUS[0]}}")
    assert done.returncode == 1
    assert done.stdout == "36864\nTraceback (most recent call last):\nPermissionError: [Errno 1] Operation not permitted\n"
    assert [line.split(" from scapy", 1)[0].split()[3][:6] for line in done.stderr.splitlines()] == ["python", "python"]
    assert "asks which network there is, and finds none" in done.stderr.splitlines()[0]
    assert "opens a network socket (AF_PACKET)" in done.stderr.splitlines()[1]


def test_a_socket_in_a_background_job_does_not_stop_the_clock(sh: Sh) -> None:
    done = sh(f"{sys.executable} -c 'import socket; socket.socket()' 2> /dev/null & sleep 5; wait $!; echo $?")
    assert done.stdout == "1\n"
    assert len(told(done.stderr)) == 1


def test_where_the_kernel_does_not_tell_it_is_said_once(sh: Sh) -> None:
    done = sh("python3 -c 'import socket; socket.socket()'; echo $?", without="notify")
    assert done.stdout == "0\n"
    assert done.stderr == "emu: this kernel does not tell of programs that open network sockets by themselves: they find an empty network\n"


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_asks_about_these_sockets_only(machine: str) -> None:
    """The filter is run here as the kernel runs it."""
    arch, socket_nr, _ = MACHINES[machine]
    notify, allow = 0x7FC00000, 0x7FFF0000

    def verdict(nr: int, family: int, protocol: int = 0, of: int = arch) -> int:
        data = b"".join(number.to_bytes(size, "little") for number, size in ((nr, 4), (of, 4), (0, 8), (family, 8), (1, 8), (protocol, 8)))
        code = program(machine)
        accumulator = index = 0
        while True:
            what, yes, no = int.from_bytes(code[index : index + 2], "little"), code[index + 2], code[index + 3]
            value = int.from_bytes(code[index + 4 : index + 8], "little")
            if what == 0x06:
                return value
            if what == 0x20:
                accumulator = int.from_bytes(data[value : value + 4], "little")
                index += 8
            else:
                assert what == 0x15
                index += 8 * (1 + (yes if accumulator == value else no))

    assert [verdict(socket_nr, family) for family in (2, 10, 17)] == [notify] * 3
    assert [verdict(socket_nr, 16, protocol) for protocol in (0, 4, 6, 12, 9, 15, 16)] == [notify] * 4 + [allow] * 3
    assert [verdict(socket_nr, 1), verdict(socket_nr + 1, 2), verdict(socket_nr, 2, of=arch ^ 1)] == [allow] * 3
    assert program("riscv64") == b""
