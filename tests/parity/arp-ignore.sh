# arp_ignore: for which of its addresses a host answers, and whom. 0: all; 1: of this interface; 2: and only to its subnet; 8: none.
# expect: status 0
# expect: output ^arp_ignore=0 own 1 other 1 loopback 1 foreign asker 1
# expect: output ^arp_ignore=1 own 1 other 0 loopback 0 foreign asker 1
# expect: output ^arp_ignore=2 own 1 other 0 loopback 0 foreign asker 0
# expect: output ^arp_ignore=8 own 0 other 0 loopback 0 foreign asker 0
# expect: server.eth0 rx arp who-has 192.168.1.1 tell 10.77.0.1 = 4
# expect: client.eth0 rx arp reply 10.50.0.1 is-at = 1
# needs: arping
ip netns add client
ip netns add server
ip netns add behind
ip link add eth0 netns client type veth peer name eth0 netns server
ip link add eth0 netns behind type veth peer name eth1 netns server
ip -n client addr add 192.168.1.2/24 dev eth0
ip -n client addr add 10.77.0.1/32 dev eth0
ip -n server addr add 192.168.1.1/24 dev eth0
ip -n server addr add 192.168.2.1/24 dev eth1
ip -n server addr add 10.50.0.1/32 dev lo
ip -n server link set lo up
ip -n server link set eth0 up
ip -n server link set eth1 up
ip -n client link set eth0 up
ip -n behind link set eth0 up
ip -n server route add 10.77.0.1 dev eth0
sleep 0.2

answers() {   # how many answers an ARP question gets: answers ADDRESS [SOURCE]
    ip netns exec client arping -c 1 -w 1 -I eth0 ${2:+-s $2} $1 | awk '/^Received/ {print $2}'
}
for level in 0 1 2 8; do
    ip netns exec server sysctl -qw net.ipv4.conf.eth0.arp_ignore=$level
    echo "arp_ignore=$level own $(answers 192.168.1.1) other $(answers 192.168.2.1) loopback $(answers 10.50.0.1) foreign asker $(answers 192.168.1.1 10.77.0.1)"
done
