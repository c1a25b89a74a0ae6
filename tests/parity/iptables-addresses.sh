# Source and destination, single, as a network, as a list, negated; interfaces by name, by prefix (`r+`), negated; address ranges.
# expect: status 0
# expect: output ^hosts allowed: .2 .4$
# expect: gw.r0 rx icmp echo request = 9
# expect: gw.b0 tx icmp echo request = 6
# quick
set -eu

ip netns add red; ip netns add gw; ip netns add blue
ip link add r0 netns gw type veth peer name eth0 netns red
ip link add b0 netns gw type veth peer name eth0 netns blue
ip -n gw addr add 10.1.0.1/24 dev r0
ip -n gw addr add 10.2.0.1/24 dev b0
for i in 2 3 4; do ip -n red addr add 10.1.0.$i/24 dev eth0; done
ip -n blue addr add 10.2.0.2/24 dev eth0
ip -n gw link set r0 up; ip -n gw link set b0 up
ip -n red link set eth0 up; ip -n blue link set eth0 up
ip -n red route add default via 10.1.0.1
ip -n blue route add default via 10.2.0.1

ip netns exec gw bash -e <<'GW'
sysctl -q -w net.ipv4.ip_forward=1
iptables -P FORWARD DROP
iptables -A FORWARD -i b0 -o r+ -j ACCEPT
iptables -A FORWARD -i r+ ! -o b+ -j ACCEPT
iptables -A FORWARD -s 10.1.0.2,10.1.0.4 -d 10.2.0.0/24 -i r0 -o b0 -j ACCEPT
iptables -A FORWARD ! -s 10.1.0.0/24 -j ACCEPT
iptables -A FORWARD -m iprange --src-range 10.1.0.3-10.1.0.9 --dst-range 10.2.0.2-10.2.0.2 ! -i r0 -j ACCEPT
iptables -A FORWARD -m iprange ! --src-range 10.1.0.4-10.1.0.9
iptables -A FORWARD ! -d 10.2.0.3 -p icmp
GW

allowed=""
for i in 2 3 4; do
    if ip netns exec red ping -I 10.1.0.$i -c 1 -W 1 10.2.0.2 >/dev/null; then allowed+=" .$i"; fi
done
echo "hosts allowed:$allowed"
ip netns exec gw iptables -L FORWARD -n -v --line-numbers

# the same the other way round: everything but one address, as a list of networks cannot be negated
ip netns exec gw iptables -P FORWARD ACCEPT
ip netns exec gw iptables -F FORWARD
ip netns exec gw iptables -A FORWARD ! -s 10.1.0.3/32 ! -d 10.1.0.3/32 -j RETURN
ip netns exec gw iptables -A FORWARD -j DROP
for i in 2 3 4; do ip netns exec red ping -q -I 10.1.0.$i -c 1 -W 1 10.2.0.2 || echo "10.1.0.$i: nothing"; done
ip netns exec gw iptables -F; ip netns exec gw iptables -A FORWARD -i r0 -s 10.1.0.4 -j DROP
for i in 2 3 4; do ip netns exec red ping -q -I 10.1.0.$i -c 1 -W 1 10.2.0.2 || echo "10.1.0.$i: nothing"; done
ip netns exec gw iptables -A FORWARD ! -s 10.1.0.2,10.1.0.3 -j ACCEPT || echo refused
ip netns exec gw iptables -S
