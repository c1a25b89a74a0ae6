"""A script on the real kernel: run by bash as root in private namespaces that vanish with it, every frame captured. Needs root and Linux 6.15 or later.

What makes the captures worth comparing is in `tests.kernel.lab`; here it is done while the script runs, by the shims: a namespace has its capture, IPv6
off and ordinary sysctls before `ip netns add` returns, a link has its offloads off before the command that made it returns.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.kernel.lab import CLONE_NEWNET, CLONE_NEWNS, MS_PRIVATE, MS_REC, ORDINARY, Captured, libc_call, write
from tests.kernel.tap import Tap
from tests.parity.links import Links
from tests.parity.lots import Connections
from tests.parity.observed import HOST, KILLED, SETTLE_S, TABLES, Command, Observed, Owner, RunError, netns_exec
from tests.parity.script import Script
from tests.parity.shims import AWAITED, Shims, batch_file
from tests.parity.task import Task

CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID = 0x04000000, 0x08000000, 0x20000000
LONGEST_S = 180.0  # a script that takes longer is stuck
PIDFD_GET_INFO, PIDFD_INFO_EXIT, INFO = 0xC040FF0B, 1 << 3, struct.Struct("=QQ11Ii")
NAMES = Path("/run/netns")
# Linux's own; a new namespace has what the machine's first one has, which distributions and container engines change
UNTUNED = {
    "forwarding": "0", "accept_redirects": "1", "send_redirects": "1", "secure_redirects": "1", "accept_source_route": "1", "rp_filter": "0",
    "log_martians": "0", "promote_secondaries": "0", "arp_ignore": "0", "arp_announce": "0", "arp_notify": "0", "route_localnet": "0",
}  # fmt: skip


def why_not() -> str | None:
    """Why this machine cannot be asked, None if it can."""
    if os.geteuid() != 0:
        return "asking the kernel needs root"
    if absent := [name for name in ("ip", "iptables", "conntrack", "bridge") if shutil.which(name) is None]:
        return f"asking the kernel needs {', '.join(absent)}"
    return None


def missing(script: Script) -> list[str]:
    """Tools that it needs and this machine has not."""
    return [tool for tool in script.needs if shutil.which(tool) is None]


def observe(script: Script, cpu: int) -> Observed:
    """Run it. Only in a process of its own (tests.parity.task), which moves into other namespaces. Raises RunError."""
    if absent := missing(script):
        raise RunError(f"not installed: {', '.join(absent)}")
    os.sched_setaffinity(0, {cpu})
    libc_call("unshare", CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID)
    observed: Observed = Task(lambda: Runner(script).run()).wait()  # the first child is process 1 in there
    return observed


class Place:
    """A namespace that is captured."""

    def __init__(self, name: str, handle: int) -> None:
        self.name = name
        self.handle = handle
        self.inode = os.fstat(handle).st_ino
        self.tap = Tap()
        self.links = Links()
        self.connections = Connections()
        self.clock = 0

    def close(self) -> None:
        self.tap.close()
        self.links.close()
        self.connections.close()
        os.close(self.handle)


class Runner:
    """Process 1 of the private namespaces."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.observed = Observed()
        self.places: dict[str, Place] = {}
        self.open: dict[int, tuple[int, str, list[str]]] = {}  # process -> order, netns, argv of a command below its shim
        self.running: list[tuple[int, int, str, list[str]]] = []  # pidfd, order, netns, argv of one that its shim became
        self.script_status: int | None = None

    def run(self) -> Observed:
        self.furnish()
        began = time.monotonic()
        self.started_ns = time.time_ns()
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.add_place(HOST, os.open("/proc/self/ns/net", os.O_RDONLY))
        self.bash = self.start()
        self.serve(began + LONGEST_S)
        self.note_lots()
        self.end()
        self.settle(SETTLE_S)
        self.tables()
        self.observed.seconds = time.monotonic() - began
        self.observed.output = self.output_file.read_text(errors="replace")
        return self.observed

    # -- before and after

    def furnish(self) -> None:
        """Mounts of its own: an empty /run, /proc and /sys of these namespaces, no names from the network."""
        libc_call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        libc_call("mount", b"run", b"/run", b"tmpfs", 0, b"mode=755")
        libc_call("mount", b"proc", b"/proc", b"proc", 0, None)
        with suppress(OSError):
            libc_call("mount", b"sysfs", b"/sys", b"sysfs", 0, None)
        NAMES.mkdir()
        home = Path("/run/parity")
        self.shims = Shims(home)
        self.work = home / "work"
        self.work.mkdir()
        self.output_file = home / "output"
        switch = home / "nsswitch.conf"
        switch.write_text("passwd: files\ngroup: files\nhosts: files\n")
        libc_call("mount", str(switch).encode(), b"/etc/nsswitch.conf", None, 4096, None)
        name = HOST.encode()
        libc_call("sethostname", name, len(name))

    def start(self) -> int:
        environment = {
            "IN_OWN_NAMESPACES": "yes",  # for scripts that would move into some
            "PATH": f"{self.shims.bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root", "USER": "root", "LC_ALL": "C.UTF-8", "TERM": "dumb", "TMPDIR": str(self.work),
            "PYTHONDONTWRITEBYTECODE": "1",  # nothing is left in the checkout
        }  # fmt: skip
        with open(self.output_file, "wb") as output:
            return subprocess.Popen(
                ["bash", str(self.script.path.absolute())], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.work, env=environment
            ).pid

    def end(self) -> None:
        """Kill whatever the script left running, and learn how every command ended."""
        while left := sorted(int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"):
            with suppress(ProcessLookupError):  # one after the other, in the order they were forked
                os.kill(left[0], signal.SIGKILL)
            while os.path.exists(f"/proc/{left[0]}"):
                self.reap()
                self.drain()
                time.sleep(0.001)
        for order, netns, argv in self.open.values():
            self.record(order, netns, argv, KILLED)
        for pidfd, order, netns, argv in self.running:
            info = bytearray(INFO.pack(PIDFD_INFO_EXIT, *[0] * 13))
            fcntl.ioctl(pidfd, PIDFD_GET_INFO, info)
            mask, *_, code = INFO.unpack(info)
            if not mask & PIDFD_INFO_EXIT:
                raise RunError("the kernel does not tell exit statuses (it needs Linux 6.15)")
            self.record(order, netns, argv, KILLED if os.WIFSIGNALED(code) else str(os.WEXITSTATUS(code)))

    def reap(self) -> None:
        """Process 1 inherits the children of those that have ended."""
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    def settle(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.drain()
            time.sleep(min(left, 0.05))
        self.drain()

    def tables(self) -> None:
        for place in self.places.values():
            with self.inside(place):
                for command, _ in TABLES:
                    done = subprocess.run(command.split(), text=True, capture_output=True, check=False)
                    self.observed.tables[place.name, command] = done.stdout

    # -- while it runs

    def serve(self, deadline: float) -> None:
        """Answer the shims and empty the captures until the script's bash has ended."""
        pidfd = os.pidfd_open(self.bash)
        while True:
            watched = [pidfd, self.shims.requests, *(place.tap.socket for place in self.places.values())]
            ready = select.select(watched, [], [], 1.0)[0]
            if self.shims.requests in ready:
                for word, pid, *rest in self.shims.read():
                    {"run": self.begun, "done": self.done, "look": self.looked_for, "split": self.split}[word](int(pid), *rest)
            elif pidfd in ready:
                _, status = os.waitpid(self.bash, 0)
                code = os.waitstatus_to_exitcode(status)
                self.observed.status = code if code >= 0 else 128 - code
                return
            self.drain()
            if time.monotonic() > deadline:
                raise RunError(f"still running after {LONGEST_S:.0f} s")

    def begun(self, pid: int) -> None:
        argv = self.shims.argv(pid)
        netns = self.netns_of(pid)
        self.drain()  # what was captured until now carries the names that devices have now
        self.note_lots()
        entered = netns_exec(argv) if argv[0] == "ip" else None
        if entered is not None and (NAMES / entered).exists():
            self.shims.answer(pid, "exec")
        elif argv[0] in AWAITED and "monitor" not in argv:
            self.forget_deleted(argv)
            self.open[pid] = pid, netns, argv
            file = batch_file(argv) if argv[0] == "ip" else None
            self.shims.answer(pid, "wait" if file is None else f"batch {file}")
        else:
            self.running.append((os.pidfd_open(pid), pid, netns, argv))
            self.shims.answer(pid, "exec")

    def done(self, pid: int, status: str) -> None:
        order, netns, argv = self.open.pop(pid)
        self.record(order, netns, argv, status)
        self.look(argv)
        self.shims.answer(pid, "go")

    def looked_for(self, pid: int) -> None:
        self.look(self.open[pid][2])
        self.shims.answer(pid, "go")

    def split(self, pid: int) -> None:
        self.shims.split(pid, self.open[pid][2])
        self.shims.answer(pid, "go")

    def record(self, order: int, netns: str, argv: list[str], status: str) -> None:
        self.observed.commands.append(Command(order, netns, tuple(argv), status))

    def netns_of(self, pid: int) -> str:
        inode = os.stat(f"/proc/{pid}/ns/net").st_ino
        return next((place.name for place in self.places.values() if place.inode == inode), "?")

    def forget_deleted(self, argv: list[str]) -> None:
        """A capture would keep a namespace alive that the script is about to delete."""
        words = [word for word in argv[1:] if not word.startswith("-")]
        if len(words) < 2 or not "netns".startswith(words[0]) or not "delete".startswith(words[1]):
            return
        names = words[2:] if not any(word in ("-all", "-a") for word in argv) else list(self.places)
        for name in names:
            if name != HOST and name in self.places and (NAMES / name).exists():
                self.places.pop(name).close()  # (it was drained just now)

    def look(self, argv: list[str]) -> None:
        """After a command that may have made namespaces or links."""
        for name in sorted(entry.name for entry in NAMES.iterdir()):
            if name not in self.places:
                with suppress(OSError):
                    self.add_place(name, os.open(NAMES / name, os.O_RDONLY))
        for place in self.places.values():
            for link in place.links.update():
                place.links.offloads_off(link.name)
                if link.kind == "bridge" and "snooping" not in self.script.keep and "mcast_snooping" not in argv:
                    with self.inside(place):
                        subprocess.run(["ip", "link", "set", link.name, "type", "bridge", "mcast_snooping", "0"], check=False)
            place.links.settle()
            self.owners(place)
        self.drain()
        self.note_lots()

    def note_lots(self) -> None:
        """What the kernel drew for its neighbour tables."""
        for place in self.places.values():
            for dev, (base, drawn) in place.links.reachable_times().items():
                self.observed.reachable.setdefault((place.name, dev, base), drawn)

    def owners(self, place: Place) -> None:
        for link in place.links.now.values():
            if link.mac.strip("0:"):
                owner = Owner(link.mac, f"{place.name}.{link.name}", link.kind == "bridge")
                if owner not in self.observed.owners[-200:]:
                    self.observed.owners.append(owner)

    def add_place(self, name: str, handle: int) -> None:
        libc_call("setns", handle, CLONE_NEWNET)
        try:
            self.places[name] = Place(name, handle)
            if "ipv6" not in self.script.keep:
                for where in ("all", "default"):
                    with suppress(FileNotFoundError):
                        write(f"/proc/sys/net/ipv6/conf/{where}/disable_ipv6", "1")
            for key, value in ORDINARY.items():
                write(f"/proc/sys/net/ipv4/{key}", value)
            for key, value in UNTUNED.items():
                for where in ("all", "default", "lo"):
                    setting = Path(f"/proc/sys/net/ipv4/conf/{where}/{key}")
                    wanted = "0" if (where, key) == ("all", "accept_source_route") else value
                    if setting.read_text().strip() != wanted:
                        setting.write_text(wanted)
        finally:
            libc_call("setns", self.home, CLONE_NEWNET)

    @contextmanager
    def inside(self, place: Place) -> Iterator[None]:
        libc_call("setns", place.handle, CLONE_NEWNET)
        try:
            yield
        finally:
            libc_call("setns", self.home, CLONE_NEWNET)

    def drain(self) -> None:
        for place in self.places.values():
            if flows := place.connections.read():
                self.observed.flows.setdefault(place.name, []).extend(flows)
            for stamp, index, packet_type, partial, data in place.tap.read():
                if index not in place.links.now:
                    place.links.update()
                link = place.links.now.get(index)
                name = link.name if link else f"if{index}"
                # A packet keeps the time it was first received, also when a bridge hands it up after flooding it: the ring has the true order.
                place.clock = max(place.clock, stamp - self.started_ns)
                self.observed.frames.append(Captured(place.clock, place.name, name, packet_type, partial, data))
