"""Random traffic on a bridge and random ARP, on the kernel and here: the same frames at every device, the same tables after every step."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from emu.iproute import bridge, link, neigh
from emu.iproute import sysctl as sysctl_command
from emu.net.netns import NetError
from tests.kernel.emulated import EmulatedLab
from tests.kernel.lab import Lab, privately
from tests.net.l2_programs import Op, Player, arp_program, bridge_program


def entries_of(text: str) -> list[str]:
    """The lines of `bridge fdb show` that are about the bridge, in words that do not depend on their order."""
    return sorted(" ".join(line.split()) for line in text.splitlines() if " self " not in line)


class OnKernel(Player):
    def ok(self, command: str, netns: str = "node") -> bool:
        return self.lab.run(netns, command, check=False).returncode == 0

    def flag(self, port: str, flag: str, value: str) -> bool:
        return self.ok(f"bridge link set dev {port} {flag} {value}")

    def fdb(self, verb: str, station: str, port: str, state: str) -> bool:
        return self.ok(f"bridge fdb {verb} {station} dev {port} master" + (f" {state}" if verb != "del" else ""))

    def promisc(self, value: str) -> None:
        self.ok(f"ip link set br0 promisc {value}")

    def group_fwd_mask(self, mask: str) -> bool:
        return self.ok(f"ip link set br0 type bridge group_fwd_mask {mask}")

    def release(self, port: str) -> None:
        self.ok(f"ip link set {port} nomaster")

    def neigh(self, ip: str, lladdr: str, state: str) -> bool:
        if state == "del":
            return self.ok(f"ip neigh del {ip} dev eth0", "host")
        done = self.ok(f"ip neigh replace {ip} lladdr {lladdr} dev eth0 nud {state}", "host")
        time.sleep(0.006)
        return done

    def proxy(self, verb: str, ip: str) -> bool:
        return self.ok(f"ip neigh {verb} proxy {ip} dev eth0", "host")

    def locktime(self, jiffies: str) -> None:
        self.lab.sysctl("host", "net.ipv4.neigh.eth0.locktime", jiffies)

    def entries(self) -> list[str]:
        return entries_of(self.lab.output("node", "bridge fdb show"))

    def inject(self, name: str, dev: str, wire: bytes) -> None:
        mark = self.lab.mark()
        with self.lab.inside(name), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender, suppress(OSError):
            sender.sendto(wire, (dev, 0))
        for _ in range(50):
            time.sleep(0.004)  # past the next jiffy: `updated` and locktime are in jiffies
            if any(frame.direction == "rx" for frame in self.lab.since(mark)):
                break
        time.sleep(0.002)

    def wait_carrier(self) -> None:
        time.sleep(1.3)  # linkwatch tells at most once a second


class Here(Player):
    lab: EmulatedLab

    def ok(self, function: object, *args: object, **kwargs: object) -> bool:
        try:
            function(*args, **kwargs)  # type: ignore[operator]
        except NetError:
            return False
        self.lab.step(1_000_000)
        return True

    def flag(self, port: str, flag: str, value: str) -> bool:
        return self.ok(bridge.link_set, self.lab.ns("node"), port, **{flag: value == "on"})

    def fdb(self, verb: str, station: str, port: str, state: str) -> bool:
        ns = self.lab.ns("node")
        if verb == "del":
            return self.ok(bridge.fdb_delete, ns, station, port)
        kind, _, sticky = state.partition(" ")
        return self.ok(bridge.fdb_add, ns, station, port, kind, sticky=bool(sticky), replace=verb == "replace")

    def promisc(self, value: str) -> None:
        link.set_promisc(self.lab.ns("node"), "br0", value == "on")

    def group_fwd_mask(self, mask: str) -> bool:
        return self.ok(bridge.set_group_fwd_mask, self.lab.ns("node"), "br0", int(mask))

    def release(self, port: str) -> None:
        link.set_master(self.lab.ns("node"), port, None)

    def neigh(self, ip: str, lladdr: str, state: str) -> bool:
        ns = self.lab.ns("host")
        if state == "del":
            return self.ok(neigh.delete, ns, ip, "eth0")
        return self.ok(neigh.replace, ns, ip, "eth0", lladdr, state)

    def proxy(self, verb: str, ip: str) -> bool:
        return self.ok({"add": neigh.add_proxy, "del": neigh.delete_proxy}[verb], self.lab.ns("host"), ip, "eth0")

    def locktime(self, jiffies: str) -> None:
        sysctl_command.set(self.lab.ns("host"), "net.ipv4.neigh.eth0.locktime", jiffies)

    def entries(self) -> list[str]:
        return entries_of(bridge.fdb_show(self.lab.ns("node")))

    def inject(self, name: str, dev: str, wire: bytes) -> None:
        device = self.lab.ns(name).device(dev)
        if len(wire) <= device.mtu + 18:
            skb = device.netns.born(int.from_bytes(wire[12:14], "big"), wire[14:], wire[:14])
            device.transmit(skb)
        self.lab.step(6_000_000)

    def wait_carrier(self) -> None:
        self.lab.settle(1.3)


def short(result: object) -> object:
    """Frames without most of their bytes, for a failure that can be read."""
    return [line[:90] if isinstance(line, str) else line for line in result] if isinstance(result, list) else result


def play(player: Player, kind: str, program: list[Op]) -> list[object]:
    getattr(player, f"{kind}_lab")()
    play_op = getattr(player, f"{kind}_op")
    return [play_op(op) for op in program]


def compare(path: Path, kind: str, program: list[Op]) -> None:
    def job() -> None:
        lab = Lab()
        try:
            path.write_text(json.dumps(play(OnKernel(lab), kind, program)))
        finally:
            lab.close()

    assert privately(job) == 0
    real = json.loads(path.read_text())
    here = json.loads(json.dumps(play(Here(EmulatedLab()), kind, program)))
    for number, (op, kernel, emulator) in enumerate(zip(program, real, here, strict=True)):
        assert short(kernel) == short(emulator), f"operation {number}: {op}"
        assert kernel == emulator, f"operation {number}: {op}"


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_a_bridge_does_with_random_frames_what_the_kernel_does(tmp_path: Path, seed: int) -> None:
    compare(tmp_path / "kernel.json", "bridge", bridge_program(seed))


@pytest.mark.root
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_random_arp_is_answered_and_learned_as_the_kernel_does(tmp_path: Path, seed: int) -> None:
    compare(tmp_path / "kernel.json", "arp", arp_program(seed))


@pytest.mark.parametrize("seed", range(20))
def test_random_programs_balance_the_ledger(seed: int) -> None:
    from emu.observe.ledger import Ledger

    for kind, make in (("bridge", bridge_program), ("arp", arp_program)):
        lab = EmulatedLab()
        ledger = Ledger(lab.world.tp)
        play(Here(lab), kind, make(seed + Random(seed).randrange(1000)))
        lab.world.sim.run(lab.world.sim.now + 400_000_000_000)
        ledger.check()
