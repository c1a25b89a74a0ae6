# Shares without luck: every nth packet, with an offset; probability 0 and 1.
# expect: status 0
# expect: output ^12 packets transmitted, 6 received
# expect: blue.eth0 rx icmp echo request = 13
# quick
ip netns add red
ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0; ip -n red link set eth0 up
ip -n blue addr add 10.0.0.2/24 dev eth0; ip -n blue link set eth0 up
b="ip netns exec blue iptables"
$b -N third
$b -N others
$b -A INPUT -m statistic --mode nth --every 3 --packet 0 -j third
$b -A INPUT -m statistic --mode nth --every 2 --packet 1 -j others
$b -A INPUT -m statistic --mode nth --every 2
$b -A INPUT -m statistic --mode random --probability 0 -j DROP
$b -A INPUT -m statistic --mode random --probability 1 -m comment --comment "all of them"
$b -A INPUT -m statistic ! --mode nth --every 4 --packet 3
$b -A INPUT -m statistic --mode random ! --probability 1 -j DROP
$b -A third -j ACCEPT
$b -A OUTPUT -p icmp -m statistic --mode nth --every 2 --packet 1 -j DROP
ip netns exec red ping -c 12 -i 0.2 -W 1 10.0.0.2
$b -L -n -v
$b -S
$b -Z
ip netns exec red ping -c 1 -q -W 1 10.0.0.2
$b -A INPUT -m statistic --mode nth --every 2 --packet 2; echo "status $?"
$b -A INPUT -m statistic --mode random --probability 1.5; echo "status $?"
$b -A INPUT -m statistic --mode nth; echo "status $?"
exit 0
