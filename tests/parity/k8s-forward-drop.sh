# Docker's FORWARD policy DROP on two nodes: pods of one node still reach each other only if bridged frames are not filtered, other nodes' not at all.
# The CNI's ACCEPT rules, or the policy, mend it.
# gotcha: 16
# expect: status 0
# expect: output ^ACCEPT: same node yes, other node yes$
# expect: output ^DROP: same node no, other node no$
# expect: output ^DROP, bridge not filtered: same node yes, other node no$
# expect: output ^DROP and ACCEPT for pods: same node yes, other node yes$
set -e
for i in 1 2; do
    ip netns add n$i
    ip -n n$i link add cbr0 type bridge
    ip -n n$i addr add 10.244.$i.1/24 dev cbr0; ip -n n$i link set cbr0 up
    ip netns exec n$i sysctl -qw net.ipv4.ip_forward=1
done
ip link add eth0 netns n1 type veth peer name eth0 netns n2
for i in 1 2; do ip -n n$i addr add 192.168.0.$i/24 dev eth0; ip -n n$i link set eth0 up; done
ip -n n1 route add 10.244.2.0/24 via 192.168.0.2
ip -n n2 route add 10.244.1.0/24 via 192.168.0.1
pod() {
    ip netns add $1
    ip link add eth0 netns $1 type veth peer name v$1 netns $2
    ip -n $2 link set v$1 master cbr0; ip -n $2 link set v$1 up
    ip -n $1 addr add $3/24 dev eth0; ip -n $1 link set eth0 up
    ip -n $1 route add default via ${3%.*}.1
}
pod a n1 10.244.1.2; pod b n1 10.244.1.3; pod c n2 10.244.2.2
sleep 0.2
can() { if ip netns exec a ping -q -c 1 -W 0.5 $1 >/dev/null; then echo yes; else echo no; fi; }
look() { echo "$1: same node $(can 10.244.1.3), other node $(can 10.244.2.2)"; }
look ACCEPT
ip netns exec n1 iptables -P FORWARD DROP
look DROP
ip netns exec n1 sysctl -qw net.bridge.bridge-nf-call-iptables=0
look "DROP, bridge not filtered"
ip netns exec n1 sysctl -qw net.bridge.bridge-nf-call-iptables=1
ip netns exec n1 iptables -A FORWARD -s 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
ip netns exec n1 iptables -A FORWARD -d 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
look "DROP and ACCEPT for pods"
ip netns exec n1 iptables -nvL FORWARD
