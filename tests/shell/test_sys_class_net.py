"""/sys/class/net in scripts: the devices of the namespace, what they are, and what can be set there."""

from __future__ import annotations

from tests.shell.conftest import PAIR, Sh
from tests.shell.test_proc_sys import needs_fuse


@needs_fuse
def test_devices_and_what_they_are(sh: Sh) -> None:
    done = sh(
        PAIR
        + """
        ip link add br0 address 02:00:00:00:00:01 type bridge
        ls /sys/class/net; ip netns exec a ls /sys/class/net
        (cd /sys/class/net/br0; cat address mtu type flags operstate carrier; ls brif; cat bridge/stp_state bridge/bridge_id)
        [ -d /sys/class/net/eth0 ] || echo not here
        ip netns exec b sh -c 'cat /sys/class/net/eth0/operstate /sys/class/net/eth0/carrier /sys/class/net/lo/type'
        ip netns exec a ping -c 1 10.0.0.2 > /dev/null; ip netns exec a cat /sys/class/net/veth0/statistics/tx_packets
        """
    )
    assert done.stdout.split("\n")[:13] == [
        "br0", "lo", "lo", "veth0", "02:00:00:00:00:01", "1500", "1", "0x1002", "down", "0", "8000.020000000001", "not here", "up",
    ]  # fmt: skip
    assert done.stdout.split("\n")[13:] == ["1", "772", "2", ""]
    assert done.stderr == "cat: carrier: Invalid argument\n"


@needs_fuse
def test_what_is_written_is_set(sh: Sh) -> None:
    done = sh(
        """
        ip link add br0 type bridge; ip link add v0 type veth peer name v1; ip link set v0 master br0
        echo 1 > /sys/class/net/v0/brport/hairpin_mode; cat /sys/class/net/br0/brif/v0/hairpin_mode; bridge -d link show dev v0 | grep -o 'hairpin on'
        echo 1400 > /sys/class/net/v1/mtu; ip link show v1 | grep -o 'mtu 1400'; echo 10 > /sys/class/net/v1/mtu; cat /sys/class/net/v1/mtu
        echo 6000 > /sys/class/net/br0/bridge/ageing_time; ip -d link show br0 | grep -o 'ageing_time 6000'; cat /sys/class/net/v0/master/address > /dev/null
        """
    )
    assert done.stdout == "1\nhairpin on\nmtu 1400\n1400\nageing_time 6000\n"
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith("echo: write error: Invalid argument\n")
