"""What the stand-ins' commands do: configure the machine, run programs in its namespaces, or run something else in the stand-in's place."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from emu.iproute import commands as iproute
from emu.iproute.cmd import iptables
from emu.net.netns import Namespace, NetError
from emu.observe.recorder import Recorder, Recording
from emu.shell import elsewhere, following, programs
from emu.shell.call import NETNS, STDIN, Call
from emu.shell.names import CLUSTER, CONFIGURE, ELSEWHERE, ONLY_UNFENCED, PROGRAMS

if TYPE_CHECKING:
    from emu.aio.loop import Loop
    from emu.fabric import Machine
    from emu.shell.rest import Chain, Tree

TAKES_NS = 1_000_000  # virtual time a configuration command takes: a process is started and ended


class Wanted(Exception):
    """A command is to read a file: the stand-in does, and then the command begins again."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Commands:
    """`machine`: the one the script runs on. `root`: where its file system is seen from outside the fence, None without one."""

    def __init__(self, machine: Machine, loop: Loop, hops: bool) -> None:
        self.machine, self.loop = machine, loop
        self.recorder = Recorder(loop.sim, machine.world.tp) if hops else None
        self.root: str | None = None
        self._shown: dict[str, None] = {}  # namespaces that have a file in /run/netns
        self._entered: dict[int, str] = {}  # process, by its number in the fence -> namespace that it and what it starts were put into

    def admit(self, call: Call) -> None:
        """Take up a command."""
        try:
            self._admit(call)
        except NetError as error:
            self.fail(call, str(error), 1)
        except programs.Usage as error:
            self.fail(call, str(error), error.status)

    def fail(self, call: Call, text: str, status: int) -> None:
        """A line on standard error, and the end."""
        call.error(f"{text}\n".encode())
        self.finish(call, status)

    def finish(self, call: Call, status: int) -> None:
        """End a command that takes no time of its own."""
        self.loop.sim.call_later(TAKES_NS, call.exit, status)

    def netns(self, call: Call) -> Namespace | None:
        """Where the command runs; None when that namespace is gone."""
        return self.find(call.env.get(NETNS) or self._inherited(call.chain))

    def find(self, name: str) -> Namespace | None:
        """The namespace that a name stands for, the starting one for none; None when there is no such."""
        return self.machine.namespaces.get(name) if name else self.machine.netns

    def machine_of(self, netns: Namespace) -> Machine:
        """Whose namespace it is: commands that configure run there."""
        return self.machine

    def namespace_of(self, number: int) -> Namespace | None:
        """That of a process of the script, by its number in the fence; None when it is gone."""
        chain: list[int] = []
        try:
            with open(f"{self.root or ''}/proc/{number}/environ", "rb") as file:
                found = next((setting for setting in file.read().split(b"\0") if setting.startswith(f"{NETNS}=".encode())), b"")
            name = os.fsdecode(found).partition("=")[2]
            while not name and self._entered and number:
                chain.insert(0, number)
                with open(f"{self.root or ''}/proc/{number}/status", encoding="utf-8", errors="replace") as status:
                    number = int(next(line for line in status if line.startswith("PPid:")).split()[1])
        except OSError:
            return None
        return self.find(name or self._inherited((0, *chain)))

    def _inherited(self, chain: Chain) -> str:
        """The namespace that the last of the ancestors below the fence was put into: `env -i` takes away what the environment says."""
        return next((self._entered[number] for number in reversed(chain[1:]) if number in self._entered), "")

    def forget_all_but(self, tree: Tree) -> None:
        """These processes there are now."""
        for number in [number for number in self._entered if number not in tree.threads]:
            del self._entered[number]

    def _admit(self, call: Call) -> None:
        name = call.name
        inside = self.netns(call)
        if inside is None:
            self.fail(call, f"emu: {name}: the network namespace {call.env.get(NETNS, '')!r} has been deleted", 1)
        elif name == "ip" and (found := elsewhere.netns_exec(call.argv)) is not None:
            self.enter(call, *found)
        elif name == "ip" and (asked := elsewhere.netns_pids(call.argv)) is not None:
            elsewhere.pids(self, call, asked)
        elif name in CONFIGURE and not following.wanted(call.argv):
            self._configure(call, inside)
        elif name in ELSEWHERE or name in ONLY_UNFENCED:
            elsewhere.run(self, call)
        elif name in PROGRAMS or name == "conntrack":
            programs.start(self, call, inside)
        else:
            self.beyond(call, inside)

    def beyond(self, call: Call, inside: Namespace) -> None:
        """A stand-in of something that there is not here."""
        if call.name in CLUSTER:
            self.fail(call, f"emu: {call.name}: there is no cluster here: emu sh --cluster FILE has one", 1)
        else:
            self.fail(call, f"emu: not emulated: {call.name}", 1)

    def tell(self, title: str, netns: Namespace, telling: Recording) -> None:
        """Print the hop table of a command that has ended."""
        from emu.lab.trace import Trace  # takes a moment, with all that a cluster is made of

        if self.recorder is None:
            return
        self.recorder.end(telling)
        try:
            Trace(title, netns.name, "", telling).show()
            sys.stdout.flush()
        except (BrokenPipeError, SystemExit):  # `| head`: nobody reads on (rich raises SystemExit then); the script goes on
            self.recorder = None
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def enter(self, call: Call, name: str | None, words: list[str]) -> None:
        """Run a program in a named namespace; None: in each of them."""
        if name == "" or not words:
            self.fail(call, "No command specified" if name != "" else "No netns name specified", 1)
        elif name is None:
            call.become(["/bin/sh", "-c", elsewhere.EVERYWHERE, "ip", " ".join(reversed(self.machine.namespaces)), *words])
        elif self.find(name) is None:
            self.fail(call, f'Cannot open network namespace "{name}": No such file or directory', 255)
        else:
            self.put_into(call, name, words)

    def put_into(self, call: Call, name: str, words: list[str], env: dict[str, str] | None = None) -> None:
        """Run a program in a namespace that there is."""
        if call.chain:
            self._entered[call.chain[-1]] = name
        call.become(words, {NETNS: name, **(env or {})})

    def _configure(self, call: Call, inside: Namespace) -> None:
        if "" not in call.files and reads_stdin(call.argv):
            call.want("")
            return
        given = call.files.get("", b"")
        stdin = given.decode("utf-8", "surrogateescape") if isinstance(given, bytes) else ""

        def read(name: str) -> str:
            if name in STDIN:
                return stdin
            content = call.files.get(name)
            if content is None:
                raise Wanted(name)
            if isinstance(content, OSError):
                raise content
            return content.decode("utf-8", "surrogateescape")

        try:
            if call.name in iproute.COMMANDS:
                result = iproute.run(self.machine_of(inside), inside, call.argv, stdin, read)
                out, err, status = result.stdout, result.stderr, result.status
            elif call.name.startswith("iptables"):
                out, err, status = iptables.run(inside, call.argv, stdin, read)
            else:
                out, err, status = "", f"emu: not emulated: {call.name}\n", 1
        except Wanted as wanted:
            call.want(wanted.name)
            return
        except OSError as error:
            out, err, status = "", f"{call.name}: {error.filename}: {error.strerror}\n", 1
        call.write(out.encode("utf-8", "surrogateescape"))
        call.error(err.encode("utf-8", "surrogateescape"))
        self._show_namespaces()
        self.finish(call, status)

    def _show_namespaces(self) -> None:
        """A file in /run/netns for each, as `ip netns` mounts them."""
        names = self.machine.namespaces
        if self.root is None:
            return  # it would be the real folder
        if names.keys() == self._shown.keys():
            return
        for name in list(self._shown):
            if name not in names:
                del self._shown[name]
                with suppress(OSError):
                    os.unlink(f"{self.root}/run/netns/{name}")
        for name in names:
            if name not in self._shown:
                self._shown[name] = None
                with suppress(OSError), open(f"{self.root}/run/netns/{name}", "wb"):
                    pass


def reads_stdin(argv: list[str]) -> bool:
    """Whether a configuration command reads all of its standard input before it does anything."""
    words = argv[1:]
    if argv[0].endswith("-restore"):
        return all(word.startswith("-") or before in ("-T", "--table", "-M", "-w", "-W") for before, word in zip(["", *words], words, strict=False))
    if argv[0] == "sysctl":
        loads = any(word.startswith("--load=") and word.partition("=")[2] in STDIN for word in words)
        return loads or any(re.fullmatch(r"-\w*[pf]|--load", before) and word in STDIN for before, word in pairwise(words))
    batch = [word for before, word in pairwise(words) if re.fullmatch(r"--?b(a(t(ch?)?)?)?", before)]
    return argv[0] in ("ip", "bridge") and any(word in STDIN for word in batch)
