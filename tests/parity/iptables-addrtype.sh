# Kinds of address (LOCAL, UNICAST, BROADCAST, MULTICAST, blackholes), seen from the namespace or from one interface; kind of frame; sender's MAC.
# expect: status 0
# expect: output ^addresses of my own: 10.0.0.2 10.0.0.20 127.0.0.5$
# expect: red.eth0 tx 10.0.0.1>10.0.0.255 .*echo request = 1
# quick
set -e
ip netns add red; ip netns add blue
ip link add eth0 netns red address 02:00:00:00:00:01 type veth peer name eth0 netns blue address 02:00:00:00:00:02
ip -n red addr add 10.0.0.1/24 brd + dev eth0
ip -n blue addr add 10.0.0.2/24 brd + dev eth0
ip -n blue addr add 10.0.0.20/24 brd + dev eth0
ip -n blue addr add 10.5.0.1/32 dev lo
for ns in red blue; do ip -n $ns link set lo up; ip -n $ns link set eth0 up; done
ip -n blue route add blackhole 10.66.0.0/16
ip -n blue route add unreachable 10.67.0.0/16
ip -n blue route add prohibit 10.68.0.0/16
ip -n red route add default via 10.0.0.2

ip netns exec blue iptables-restore <<'END'
*mangle
-A PREROUTING -m addrtype --dst-type LOCAL
-A PREROUTING -m addrtype --dst-type LOCAL --limit-iface-in
-A PREROUTING -m addrtype ! --dst-type LOCAL
-A PREROUTING -m addrtype --dst-type BROADCAST
-A PREROUTING -m addrtype --dst-type MULTICAST
-A PREROUTING -m addrtype --dst-type BLACKHOLE,UNREACHABLE,PROHIBIT
-A PREROUTING -m addrtype --dst-type BLACKHOLE
-A PREROUTING -m addrtype --src-type UNICAST --dst-type UNICAST
-A PREROUTING -m pkttype --pkt-type broadcast
-A PREROUTING -m pkttype --pkt-type unicast
-A PREROUTING -m pkttype ! --pkt-type host
-A PREROUTING -m mac --mac-source 02:00:00:00:00:01
-A PREROUTING -m mac ! --mac-source 02:00:00:00:00:01
-A OUTPUT -m addrtype --src-type LOCAL --dst-type LOCAL
-A POSTROUTING -m addrtype --dst-type LOCAL --limit-iface-out
-A POSTROUTING -m addrtype --src-type LOCAL --dst-type UNICAST
COMMIT
*filter
-A INPUT -i lo -m addrtype --dst-type LOCAL -j ACCEPT
COMMIT
END
mine=""
for a in 10.0.0.2 10.0.0.20 127.0.0.5; do
    ip netns exec blue ping -q -c 1 -W 1 $a >/dev/null && mine+=" $a"
done
echo "addresses of my own:$mine"
p() { ip netns exec red ping -q -n -c 1 -W 1 "$@" || echo "status $?"; }
p 10.0.0.2
p 10.5.0.1
p -b 10.0.0.255
p 10.66.1.1
p 10.67.1.1
p 10.68.1.1
p 10.77.1.1
ip netns exec red ping -q -c 1 -W 1 -t 1 -M do -I eth0 224.0.0.5 || echo "status $?"
ip netns exec blue iptables -t mangle -L -n -v
ip netns exec blue iptables -t mangle -S
