# What raw says is not to be tracked is UNTRACKED: no connection, no translation, and an answer that no longer counts as one.
# expect: status 0
# expect: output ^tracked: yes$
# expect: output ^not tracked: no$
# expect: output ^neither way tracked: yes$
# expect: blue.eth0 rx 10.1.0.2>10.2.0.2 .*echo request = 2
# expect: blue.eth0 rx 10.2.0.1>10.2.0.2 .*echo request = 1
# quick
set -e
ip netns add red; ip netns add gw; ip netns add blue
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0
for l in red:eth0 blue:eth0 gw:r0 gw:b0; do
    ip -n ${l%:*} link set ${l#*:} up
    ip netns exec ${l%:*} sysctl -qw net.ipv4.neigh.${l#*:}.delay_first_probe_time=60
done
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec gw bash -e <<'END'
sysctl -qw net.ipv4.ip_forward=1
iptables -t nat -A POSTROUTING -o b0 -j MASQUERADE
iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
iptables -A FORWARD -i r0 -j ACCEPT
iptables -A FORWARD -m conntrack --ctstate UNTRACKED -m comment --comment "seen, not let through"
iptables -A FORWARD -j DROP
END
look() { if ip netns exec red ping -q -c 1 -W 0.5 10.2.0.2 >/dev/null; then echo "$1: yes"; else echo "$1: no"; fi; }
look tracked
ip netns exec gw conntrack -F 2>/dev/null
ip netns exec gw iptables -t raw -A PREROUTING -i r0 -p icmp -j CT --notrack
look "not tracked"
ip netns exec gw iptables -t raw -A PREROUTING -i b0 -p icmp -j NOTRACK
ip netns exec gw iptables -I FORWARD 3 -m conntrack --ctstate UNTRACKED -j ACCEPT
look "neither way tracked"
ip netns exec gw conntrack -L 2>/dev/null | wc -l
ip netns exec gw iptables -nvL FORWARD
ip netns exec gw iptables -t raw -S
