# Policies: what no rule decides. DROP in FORWARD cuts a router in two; accepting only answers lets one side talk first.
# expect: status 0
# expect: output ^open: red->blue yes blue->red yes$
# expect: output ^drop: red->blue no blue->red no$
# expect: output ^stateful: red->blue yes blue->red no$
# quick
set -e
ip netns add red; ip netns add gw; ip netns add blue
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0
ip -n gw link set r0 up; ip -n gw link set b0 up; ip -n red link set eth0 up; ip -n blue link set eth0 up
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1

can() { if ip netns exec $1 ping -q -c 1 -W 0.3 $2 >/dev/null; then echo yes; else echo no; fi; }
look() { echo "$1: red->blue $(can red 10.2.0.2) blue->red $(can blue 10.1.0.2)"; }
look open
ip netns exec gw iptables -P FORWARD DROP
look drop
ip netns exec gw iptables -nvL FORWARD
ip netns exec gw iptables -A FORWARD -m state --state RELATED,ESTABLISHED -j ACCEPT
ip netns exec gw iptables -A FORWARD -i r0 -m state --state NEW -j ACCEPT
look stateful
ip netns exec gw iptables -nvL FORWARD --line-numbers
ip netns exec gw iptables -P INPUT DROP
ip netns exec gw iptables -P OUTPUT DROP
echo "router itself: $(can red 10.1.0.1) $(can gw 10.1.0.2)"
ip netns exec gw iptables -A INPUT -i lo -j ACCEPT
ip netns exec gw iptables -A OUTPUT -o lo -j ACCEPT
ip -n gw link set lo up
echo "router to itself: $(can gw 127.0.0.1) $(can gw 10.1.0.1)"
ip netns exec gw iptables-save -c | grep -v '^#'
