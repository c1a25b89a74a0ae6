"""A journal as a shell script that does it all again: on the emulated network under `emu sh`, or on a real kernel.

Machines become named network namespaces of one machine, cables veth pairs, the switch a namespace with a bridge. Commands stand in the order in which
they were run, under a comment that says who runs them; time that passed becomes `sleep`. Programs that ran side by side run one after the other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from textwrap import wrap

from emu.lab.script_parts import BRIDGE, FUNCTIONS, PREAMBLE
from emu.observe.journal import Entry, Journal, with_input
from emu.trace.points import CABLE, COMMAND, FILE, GONE, INSTEAD, MACHINE, OMITTED, RAN, RUN, START, STEP, STOP, SWITCH, TELL, WAIT

NS_PER_S = 1_000_000_000
SHORT_NS = NS_PER_S // 10  # what passes in less is not waited for
WIDTH = 120
APPS = "python3 -m emu.apps."
DONE = ("get ", "probe ", "fails ", "ip netns exec ")  # how lines begin that do something, rather than build


def script(journal: Journal, title: str, about: str) -> str:
    """The whole script. `title`: what it shows; `about`: how it came to be."""
    return _Writer(journal).write(title, about)


class _Writer:
    def __init__(self, journal: Journal) -> None:
        self.lines: list[str] = []
        outside = journal.bystanders()
        self.entries = [
            entry for entry in journal.entries if entry.where not in outside and not (entry.kind == CABLE and entry.more.split()[0] in outside)
        ]  # what is about a machine that never saw a frame is left out
        self.cables = [Cable(entry) for entry in self.entries if entry.kind == CABLE]
        self.clock = 0
        self.heading = self.said = ""  # to be written before the next command; written last
        self.commands: list[tuple[str, str, str, str]] = []  # namespace, command line, standard input, a note above it
        self.keys: dict[str, str] = {}  # the journal's name of a running program -> the script's
        self.unready: list[tuple[str, str]] = []  # ports that nobody has waited for yet

    def write(self, title: str, about: str) -> str:
        for index, entry in enumerate(self.entries):
            self._entry(index, entry)
        self._flush()
        head = ["#!/bin/bash", *_comment(title), "#", *_comment(about), PREAMBLE.rstrip(), "", *_functions("\n".join(self.lines))]
        return "\n".join([*head, *self.lines, ""])

    # -- what happened, entry by entry --------------------------------------------------------------------------------------------

    def _entry(self, index: int, entry: Entry) -> None:
        kind = entry.kind
        if kind not in (TELL, RAN):
            self._wait_until(entry.t_ns)
        if kind == TELL:
            self._flush()
            rule = "# " + "-" * (WIDTH - 2)
            self.lines += ["", rule, *_comment(entry.text), rule]
            self.said = ""
        elif kind == STEP:
            self._flush()
            if entry.more.startswith("container runtime"):
                self._flush_ports()
            self.heading = f"{entry.more}: {entry.text}" if entry.more else entry.text
        elif kind == COMMAND:
            self.commands.append((entry.where, entry.text, entry.more, ""))
        elif kind == INSTEAD:
            where, was, _, _ = self.commands.pop()
            self.commands.append((where, entry.text, "", f"# {was}\n# {entry.more}"))
        elif kind == SWITCH:
            self._flush()
            self._physical()
        elif kind == GONE:
            self._say(f"ip netns del {entry.where}")
        elif kind == MACHINE:
            self._machine_again(index, entry.where)
        else:
            self._event(index, entry)

    def _event(self, index: int, entry: Entry) -> None:
        """What is no configuration."""
        kind, where = entry.kind, entry.where
        if kind == WAIT:
            self._say(f"forwarding {where} {entry.text}")
        elif kind == START:
            self._start(where, entry.text, entry.more)
        elif kind == STOP:
            self._say(f"stop {self.keys[entry.more]}" if entry.more in self.keys else "")
        elif kind == FILE:
            self._say(f'touch "$run/{entry.text}"  # ready again' if entry.more else f'rm "$run/{entry.text}"  # from now on it says it is not ready')
        elif kind == RUN:
            self._run(index, entry)
        elif kind == OMITTED:
            self._say(f"# Not in this script: {entry.text}.")

    def _wait_until(self, t_ns: int) -> None:
        gap = t_ns - self.clock
        self.clock = max(self.clock, t_ns)
        if gap >= SHORT_NS:
            self._flush()
            self.lines += ["", f"sleep {round(gap / NS_PER_S, 1):g}"]
            self.said = ""

    # -- machines and cables ------------------------------------------------------------------------------------------------------

    def _physical(self) -> None:
        """All machines, the switch, and the cables between them: what stands there before anybody configures anything."""
        gone = next((index for index, entry in enumerate(self.entries) if entry.kind == GONE), len(self.entries))
        machines = [entry.where for entry in self.entries[:gone] if entry.kind == MACHINE]
        switches = [entry.where for entry in self.entries[:gone] if entry.kind == SWITCH]
        self.lines += ["", "# The machines, each a network namespace, and the switch between them, a bridge in a namespace of its own."]
        self.lines += [f"for machine in {' '.join([*switches, *machines])}; do ip netns add $machine; done"]
        for switch in switches:
            self.lines += BRIDGE.format(switch=switch).splitlines()
        self.lines += ["# The cables."]
        for cable in self.cables:
            self._cable(cable)

    def _cable(self, cable: Cable) -> None:
        self.lines.append(cable.command())
        if cable.to_switch:
            self.lines.append(f"ip -n {cable.b} link set {cable.b_dev} master br0 up")
            self.unready.append((cable.b, cable.b_dev))

    def _machine_again(self, index: int, name: str) -> None:
        if any(entry.kind == GONE and entry.where == name for entry in self.entries[:index]):
            self._say(f"ip netns add {name}")
            for cable in self.cables:
                if name in (cable.a, cable.b):
                    self._cable(cable)

    # -- programs -----------------------------------------------------------------------------------------------------------------

    def _start(self, where: str, command: str, key: str) -> None:
        program, port, *rest = command.removeprefix(APPS).split(" ")
        self.keys[key] = f"{where}:{port}"
        usual = ["--hostname", where]
        if program == "http_server" and rest[:2] == usual:
            self._say(f"serve {where} {port}")
        else:
            self._say(f"start {where} {program} {port} {' '.join(rest)}".rstrip())

    def _run(self, index: int, entry: Entry) -> None:
        """A program from beginning to end; the same one again and again becomes one that asks several times."""
        outcome, ended = self._outcome(index)
        previous = self.lines[-1] if self.lines and not self.commands and not self.heading else ""
        self.clock = max(self.clock, ended)
        command = entry.text
        if command.startswith(f"{APPS}http_client "):
            line = f"get {entry.where} {command.removeprefix(f'{APPS}http_client ')}"
        elif command.startswith(f"{APPS}probe "):
            line = f"probe {entry.where} {command.removeprefix(f'{APPS}probe ').removesuffix(' --timeout 1')}"
        else:
            line = f"ip netns exec {entry.where} {command}"
        self._flush()
        was = self.lines[-1] if self.lines else "#"
        if not self.heading and (not was.startswith((*DONE, "#")) or ("probe " in was and not line.startswith("probe "))):
            self.lines.append("")  # no longer about what was built
            self.said = ""
        if outcome:
            self._say(f"fails {line}  # {'timed out' if outcome == 'TimeoutError' else outcome}")
            return
        counted = re.fullmatch(re.escape(line) + r"(?: --count (\d+)(?: \| sort \| uniq -c)?)?", previous)
        if line.startswith("get ") and counted:
            who = " | sort | uniq -c" if "/hostname" in line else ""  # a client's port is another one each time
            self.lines[-1] = f"{line} --count {int(counted[1] or 1) + 1}{who}"
        else:
            self._say(line)

    def _outcome(self, index: int) -> tuple[str, int]:
        """What a program failed with, and when it ended."""
        began = self.entries[index]
        for entry in self.entries[index:]:
            if entry.kind == RAN and entry.more == began.more:
                number = re.match(r"\[Errno (\d+)\]", entry.text)
                return os.strerror(int(number[1])).lower() if number else entry.text, entry.t_ns
        return "", began.t_ns

    # -- lines --------------------------------------------------------------------------------------------------------------------

    def _say(self, line: str) -> None:
        """One line of the script."""
        self._flush()
        self._head()
        if line:
            self.lines.append(line)

    def _head(self) -> None:
        if self.heading and self.heading != self.said:
            self.lines += ["", *_comment(self.heading)]
            self.said = self.heading
        self.heading = ""

    def _flush_ports(self) -> None:
        if self.unready:
            self._flush()
            self._head()
            self.lines += ["", "# A switch's port passes frames a moment after its cable is in."]
            self.lines += [f"forwarding {where} {port}" for where, port in self.unready]
            self.unready.clear()

    def _flush(self) -> None:
        """Write the commands that have come together: those on one machine as typed there."""
        commands, self.commands = self.commands, []
        if not commands:
            return
        self._head()
        places = {where: None for where, _, _, _ in commands}
        if len(commands) > 1 and len(places) == 1 and "" not in places:
            self.lines.append(f"on {commands[0][0]} <<'EOF'")
            for _, command, stdin, note in commands:
                self.lines += [*note.splitlines(), with_input(command, stdin, "RULES")]
            self.lines.append("EOF")
            return
        for where, command, stdin, note in commands:
            self.lines += [*note.splitlines(), with_input(_in_namespace(where, command), stdin)]


class Cable:
    """Both ends: namespace, device, MAC. `to_switch`: the second end is a switch's port."""

    def __init__(self, entry: Entry) -> None:
        self.a = entry.where
        self.a_dev, self.a_mac = entry.text.split()
        self.b, self.b_dev, self.b_mac = entry.more.split()
        self.to_switch = self.b_dev.startswith("p") and self.b_dev[1:].isdigit()

    def command(self) -> str:
        """What makes it."""
        return f"ip link add {self.a_dev} netns {self.a} address {self.a_mac} type veth peer name {self.b_dev} netns {self.b} address {self.b_mac}"


def _functions(body: str) -> list[str]:
    """The functions that the script uses, and those that they use."""
    names = [name for name in FUNCTIONS if re.search(rf"^(fails )?{name} ", body, re.MULTILINE)]
    if "serve" in names:
        names.append("start")
    if re.search(r"^fails ", body, re.MULTILINE):
        names.append("fails")
    return [text.rstrip() for name, text in FUNCTIONS.items() if name in names]


def _in_namespace(where: str, command: str) -> str:
    """The command line for a shell outside."""
    if not where:
        return command
    program, _, rest = command.partition(" ")
    return f"{program} -n {where} {rest}" if program in ("ip", "bridge") else f"ip netns exec {where} {command}"


def _comment(text: str) -> Sequence[str]:
    return [f"# {line}" for paragraph in text.split("\n") for line in wrap(paragraph, WIDTH - 2, break_on_hyphens=False) or [""]]
