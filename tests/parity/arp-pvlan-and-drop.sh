# proxy_arp_pvlan answers for hosts on the asker's own side; drop_gratuitous_arp and arp_accept=2 say which gratuitous ARP counts.
# expect: status 0
# expect: output ^same side: 1
# expect: output ^own network: 10.0.0.77 dev eth0 lladdr
# expect: output ^foreign network: $
# expect: output ^dropped: $
# needs: arping
set -u
ip netns add router
ip netns add station
ip link add eth0 netns station type veth peer name eth0 netns router
ip -n station addr add 10.0.0.2/24 dev eth0
ip -n router addr add 10.0.0.1/24 dev eth0
ip -n station link set eth0 up
ip -n router link set eth0 up
ip netns exec router sysctl -qw net.ipv4.ip_forward=1 net.ipv4.neigh.eth0.proxy_delay=0 net.ipv4.conf.eth0.proxy_arp_pvlan=1
sleep 0.2
echo "same side: $(ip netns exec station arping -c 1 -w 1 -I eth0 10.0.0.3 | awk '/^Received/ {print $2}')"
ip netns exec router sysctl -qw net.ipv4.conf.eth0.proxy_arp_pvlan=0

announce() { ip -n station addr add $1/32 dev eth0; ip netns exec station arping -q -U -c 1 -w 1 -I eth0 $1; }
ip netns exec router sysctl -qw net.ipv4.conf.eth0.arp_accept=2
announce 10.0.0.77
announce 10.9.9.9
echo "own network: $(ip -n router neigh show 10.0.0.77)"
echo "foreign network: $(ip -n router neigh show 10.9.9.9)"
ip netns exec router sysctl -qw net.ipv4.conf.eth0.drop_gratuitous_arp=1
announce 10.0.0.78
echo "dropped: $(ip -n router neigh show 10.0.0.78)"
exit 0
