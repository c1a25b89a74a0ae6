# Point-to-point addresses (`peer`): no prefix but the other end's address, which ARP is asked for as if it were on the wire; and of several addresses the
# first of the subnet, else the primary, is the source.
# expect: status 0
# expect: output ^10.9.0.2 dev eth0 proto kernel scope link src 10.1.1.1
# expect: output from 10.9.0.2: icmp_seq=1
# expect: output ^second subnet: 10.0.1.1
# expect: output ^first subnet: 10.0.0.1
# expect: output ^promoted: 10.0.0.3
# expect: blue.eth0 rx arp who-has 10.9.0.2 tell 10.1.1.1 = 1
# expect: blue.eth0 rx ip 10.1.1.1>10.9.0.2 .*echo request = 1
# expect: blue.eth0 rx ip 10.0.0.3>10.0.0.2 .*echo request = 1
set -eu
ip netns add red
ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.1.1.1 peer 10.9.0.2 dev eth0
ip -n blue addr add 10.9.0.2 peer 10.1.1.1 dev eth0
for ns in red blue; do ip -n $ns link set lo up; ip -n $ns link set eth0 up; done
sleep 0.3
ip -n red route
ip netns exec red ping -c 1 -W 1 10.9.0.2
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n red addr add 10.0.0.3/24 dev eth0
ip -n red addr add 10.0.1.1/24 dev eth0
ip -n blue addr add 10.0.0.2/24 dev eth0
ip -n blue addr add 10.0.1.2/24 dev eth0
src() { ip -n red route get "$1" | grep -o 'src [0-9.]*' | cut -d ' ' -f 2; }
echo "second subnet: $(src 10.0.1.2)"
echo "first subnet: $(src 10.0.0.2)"
ip netns exec red ping -c 1 -W 1 10.0.0.2 | grep received
ip netns exec red ping -c 1 -W 1 10.0.1.2 | grep received
ip netns exec red sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1
ip -n red addr del 10.0.0.1/24 dev eth0
echo "promoted: $(src 10.0.0.2)"
ip netns exec red ping -c 1 -W 1 10.0.0.2 | grep received
