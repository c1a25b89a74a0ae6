for n in a r1 r2 b; do ip netns add $n; ip netns exec $n sysctl -qw net.ipv4.ip_forward=1 2>/dev/null; ip -n $n link set lo up; done
link() { ip link add $2 netns $1 type veth peer name $5 netns $4; ip -n $1 addr add $3 dev $2; ip -n $4 addr add $6 dev $5; ip -n $1 link set $2 up; ip -n $4 link set $5 up; }
link a eth0 10.0.1.2/24 r1 west0 10.0.1.1/24
link r1 east0 10.0.2.1/24 r2 west0 10.0.2.2/24
link r2 east0 10.0.3.1/24 b eth0 10.0.3.2/24
ip -n a route add default via 10.0.1.1; ip -n r1 route add default via 10.0.2.2; ip -n r2 route add 10.0.1.0/24 via 10.0.2.1; ip -n b route add default via 10.0.3.1
sleep 0.2
show() { echo "== $*"; "$@"; echo "status $?"; }
A="ip netns exec a"
show $A tracepath -n 10.0.3.2
show $A tracepath -n -m 2 10.0.3.2
ip -n r1 link set east0 mtu 1400; ip -n r2 link set west0 mtu 1400
show $A tracepath -n 10.0.3.2
show $A tracepath -n -p 5000 -l 1000 10.0.3.2
ip netns exec b iptables -A INPUT -p udp -j DROP
show $A tracepath -n -m 4 10.0.3.2
ip -n r2 route del 10.0.3.0/24 2>/dev/null; ip -n r2 link set east0 down
show $A tracepath -n 10.0.3.2
show $A tracepath -n 172.16.0.1
