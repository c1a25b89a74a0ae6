"""`python3 -m emu.apps.NAME` in a script: the emulator's own programs, emulated."""

from __future__ import annotations

from tests.shell.conftest import PAIR, Sh

SERVE = """
ip netns exec b python3 -m emu.apps.http_server 8080 --hostname web-0 --ready-file ready > log &
until grep -qs listening log; do sleep 0.05; done
"""


def test_a_server_and_a_client(sh: Sh) -> None:
    done = sh(PAIR + SERVE + "ip netns exec a python3 -m emu.apps.http_client http://10.0.0.2:8080/hostname --count 3; kill $!; wait $!; echo $?; cat log")
    assert (done.stdout, done.stderr) == ("web-0\nweb-0\nweb-0\n143\nweb-0: listening on port 8080\n", "")


def test_a_probe_finds_out_that_a_file_is_there(sh: Sh) -> None:
    probe = "ip netns exec a python3 -u -m emu.apps.probe http://10.0.0.2:8080/ready; echo $?; "
    done = sh(PAIR + SERVE + probe + "touch ready; " + probe + "kill $!")
    assert done.stdout.splitlines() == [
        "http://10.0.0.2:8080/ready: HTTP probe failed with statuscode: 500", "1", "http://10.0.0.2:8080/ready: success", "0",
    ]  # fmt: skip


def test_the_health_of_a_service(sh: Sh) -> None:
    health = "ip netns exec b python3 -m emu.apps.service_health 30000 --service default/web --local-endpoints {} > log & "
    wait = "until grep -qs listening log; do sleep 0.05; done; "
    probe = "ip netns exec a python3 -m emu.apps.probe http://10.0.0.2:30000/healthz > /dev/null; echo $?; kill $!; wait; rm log; "
    done = sh(PAIR + "".join(health.format(number) + wait + probe for number in (1, 0)))
    assert (done.stdout, done.stderr) == ("0\n1\n", "")


def test_what_is_refused(sh: Sh) -> None:
    done = sh(PAIR + "ip netns exec a python3 -m emu.apps.ping 10.0.0.2; echo $?; ip netns exec a python3 -m emu.apps.echo 7 --to 10.0.0.2; echo $?")
    assert done.stdout == "1\n7\n"
    assert done.stderr.splitlines()[0].startswith("emu: not emulated: python3 -m emu.apps.ping; there are ")
    assert done.stderr.splitlines()[1] == "port 7: Connection refused"
