"""curl, nc and python3 -m http.server, as scripts use them."""

from __future__ import annotations

from pathlib import Path

from tests.shell.conftest import PAIR, Sh


def test_curl_fetches_from_a_file_server_until_that_is_killed(sh: Sh, tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "page").write_text("hello\n")
    done = sh(
        PAIR
        + """
        ip netns exec b python3 -m http.server 80 -d www > /dev/null 2>&1 &
        sleep 1
        ip netns exec a curl -s http://10.0.0.2/page
        ip netns exec a curl -s -o saved -w '%{http_code} %{size_download} %{remote_ip}\\n' http://10.0.0.2/page; cat saved
        ip netns exec a curl -sS -f http://10.0.0.2/nothing; echo $?
        ip netns exec a curl -s -v 10.0.0.2/page 2>&1 | grep -c '^> GET /page HTTP/1.1'
        kill $!; wait
        ip netns exec a curl http://10.0.0.2/page; echo $?
        """
    )
    assert done.stdout == "hello\n200 6 10.0.0.2\nhello\n22\n1\n7\n"
    assert done.stderr.splitlines() == [
        "curl: (22) The requested URL returned error: 404",
        "curl: (7) Failed to connect to 10.0.0.2 port 80 after 0 ms: Couldn't connect to server",
    ]


def test_curl_gives_up_in_virtual_time(sh: Sh) -> None:
    neighbour = "ip -n a neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev veth0\n"
    done = sh(PAIR + neighbour + "ip netns exec a curl -sS -m 20 10.0.0.9; echo $?; curl -s ftp://x; echo $?")
    assert done.stdout == "28\n1\n"
    assert done.stderr == "curl: (28) Connection timed out after 20000 milliseconds\n"


def test_nc_over_tcp(sh: Sh) -> None:
    done = sh(
        PAIR
        + """
        ip netns exec b nc -l 9000 > got &
        sleep 0.5
        printf 'one\\ntwo\\n' | ip netns exec a nc -N 10.0.0.2 9000; echo $?
        wait; cat got
        ip netns exec b sh -c 'while :; do echo again | nc -l -p 7000 -N; done' &
        sleep 1
        for i in 1 2; do ip netns exec a nc 10.0.0.2 7000 < /dev/null; sleep 0.1; done
        """
    )
    assert (done.stdout, done.stderr) == ("0\none\ntwo\nagain\nagain\n", "")


def test_nc_scans(sh: Sh) -> None:
    done = sh(PAIR + "ip netns exec b nc -lk 22 & sleep 1\n" + "ip netns exec a nc -zv 10.0.0.2 21-22; echo $?; ip netns exec a nc -z 10.0.0.2 23; echo $?")
    assert done.stdout == "0\n1\n"
    assert done.stderr == "nc: connect to 10.0.0.2 port 21 (tcp) failed: Connection refused\nConnection to 10.0.0.2 22 port [tcp/ssh] succeeded!\n"


def test_nc_says_who_gave_up(sh: Sh) -> None:
    """-w ran out, or Linux's own SYN retries did: measured with netcat-openbsd 1.219."""
    drop = "ip netns exec b iptables -A INPUT -p tcp -j DROP\nip netns exec a sysctl -qw net.ipv4.tcp_syn_retries=1\n"
    done = sh(PAIR + drop + "ip netns exec a nc -z -v -w 1 10.0.0.2 22; echo $?; ip netns exec a nc -zv 10.0.0.2 22; echo $?")
    assert done.stdout == "1\n1\n"
    assert done.stderr.splitlines() == [
        "nc: connect to 10.0.0.2 port 22 (tcp) timed out: Operation now in progress",
        "nc: connect to 10.0.0.2 port 22 (tcp) failed: Connection timed out",
    ]


def test_nc_over_udp(sh: Sh) -> None:
    done = sh(
        PAIR
        + """
        ip netns exec b nc -u -l -w 2 53 > got &
        sleep 0.1
        echo question | ip netns exec a nc -u -w 1 10.0.0.2 53; echo $?
        wait; cat got
        """
    )
    assert (done.stdout, done.stderr) == ("0\nquestion\n", "")


def test_python_is_the_real_one_for_all_else(sh: Sh) -> None:
    assert sh("python3 -c 'import sys; print(sys.argv[1:])' x y").stdout == "['x', 'y']\n"


def test_standard_input_is_read_only_by_those_who_want_it(sh: Sh) -> None:
    done = sh(PAIR + "printf 'x\\ny\\n' | while read -r line; do ip netns exec a ping -c 1 10.0.0.2 > /dev/null && echo $line; done")
    assert done.stdout == "x\ny\n"
