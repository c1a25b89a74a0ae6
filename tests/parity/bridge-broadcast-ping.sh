# A broadcast ping on a bridge: all hear it, who was told to ignore it is silent, and the bridge's own address answers as any other.
# expect: status 0
# expect: output ^ignored: 0 received
# expect: output ^answered: 2 received, \+2 duplicates
# expect: b.eth0 rx 10.0.0.1>10.0.0.255 .*echo request = 4
# expect: b.eth0 tx echo reply = 2
# expect: host.br0 tx echo reply = 2
# expect: a.eth0 rx echo reply = 6
set -e
ip link add br0 address 02:00:00:00:00:fe type bridge
ip addr add 10.0.0.254/24 brd + dev br0
ip link set br0 up
i=0
for ns in a b c; do
    i=$((i + 1))
    ip netns add $ns
    ip link add v$ns type veth peer name eth0 netns $ns
    ip link set v$ns master br0 up
    ip -n $ns addr add 10.0.0.$i/24 brd + dev eth0
    ip -n $ns link set eth0 up
done
sleep 0.3
try() { echo "$1: $(ip netns exec a ping -b -c 2 -i 0.3 -W 0.5 10.0.0.255 2> /dev/null | sed -n 's/.*transmitted, \(.*\), .*% packet.*/\1/p')"; }
try ignored || true
for ns in b c; do ip netns exec $ns sysctl -qw net.ipv4.icmp_echo_ignore_broadcasts=0; done
sysctl -qw net.ipv4.icmp_echo_ignore_broadcasts=0
try answered
