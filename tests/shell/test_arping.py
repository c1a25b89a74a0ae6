"""arping prints and sends what iputils' does (recorded: iputils 20221126)."""

from __future__ import annotations

import re

from tests.shell.conftest import PAIR, Sh

RECORDED = """\
ARPING 10.0.0.2 from 10.0.0.1 veth0
Unicast reply from 10.0.0.2 [MAC]  TIME
Unicast reply from 10.0.0.2 [MAC]  TIME
Sent 2 probes (1 broadcast(s))
Received 2 response(s)
0
ARPING 10.0.0.9 from 10.0.0.1 veth0
Sent 1 probes (1 broadcast(s))
Received 0 response(s)
1
ARPING 10.0.0.1 from 10.0.0.1 veth0
Sent 1 probes (1 broadcast(s))
Received 0 response(s)
0
ARPING 10.0.0.2 from 0.0.0.0 veth0
Unicast reply from 10.0.0.2 [MAC]  TIME
Sent 1 probes (1 broadcast(s))
Received 1 response(s)
1
"""
FRAMES = """\
Request who-has 10.0.0.2 (ff:ff:ff:ff:ff:ff) tell 10.0.0.1
Reply 10.0.0.2 is-at MAC
Request who-has 10.0.0.2 (MAC) tell 10.0.0.1
Reply 10.0.0.2 is-at MAC
Request who-has 10.0.0.9 (ff:ff:ff:ff:ff:ff) tell 10.0.0.1
Request who-has 10.0.0.1 (ff:ff:ff:ff:ff:ff) tell 10.0.0.1
Request who-has 10.0.0.2 (ff:ff:ff:ff:ff:ff) tell 0.0.0.0
Reply 10.0.0.2 is-at MAC
"""


def test_arping_asks_announces_and_detects(sh: Sh) -> None:
    done = sh(
        PAIR
        + """
        mac=$(ip -n b -o link show eth0 | sed 's/.*ether \\([0-9a-f:]*\\).*/\\1/')
        ip netns exec a tcpdump -tnlp -i veth0 arp 2> /dev/null > frames & tcpdump=$!
        sleep 0.1
        for words in "-c 2 -I veth0 10.0.0.2" "-c 1 -w 1 -I veth0 10.0.0.9" "-U -c 1 -I veth0 10.0.0.1" "-D -c 1 -I veth0 10.0.0.2"; do
            ip netns exec a arping $words; echo $?
        done
        kill $tcpdump; wait
        echo ---
        sed "s/$mac/MAC/; s/^ARP, //; s/, length 28//" frames
        """
    )
    text, frames = done.stdout.split("---\n")
    assert re.sub(r"\d+\.\d{3}ms", "TIME", re.sub(r"\[[0-9A-F:]{17}\]", "[MAC]", text)) == RECORDED
    assert frames == FRAMES
    assert done.stderr == ""


def test_the_status_says_whether_each_question_had_one_answer(sh: Sh) -> None:
    done = sh(
        PAIR
        + """
        ip -n b addr add 10.0.0.3/24 dev eth0
        ip netns exec a arping -q -c 2 -I veth0 10.0.0.2; echo "both answered $?"
        ip netns exec a arping -q -c 2 -I veth0 10.0.0.2 & sleep 0.5; ip -n b link set eth0 arp off; wait $!; echo "one of two $?"
        ip -n b link set eth0 arp on
        ip netns exec a arping -q -c 5 -w 9 -I veth0 10.0.0.3; echo "as many as asked for $?"
        ip netns exec a arping -q -U -c 1 -I veth0 10.0.0.2; echo "not ours $?"
        """
    )
    assert done.stdout == "both answered 0\none of two 1\nas many as asked for 0\nnot ours 2\n"
    assert done.stderr == "arping: bind: Cannot assign requested address\n"
