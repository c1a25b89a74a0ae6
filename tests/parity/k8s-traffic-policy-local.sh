# externalTrafficPolicy Local: a node without an endpoint drops what comes from outside, silently; the node that has one keeps the client's address.
# Pods are short-circuited: from a pod, the node port of any node reaches every endpoint.
# gotcha: 29, 30
# expect: status 0
# expect: output ^outside to the node without: nothing$
# expect: output ^outside to the node with: pong$
# expect: output ^pod to its own node without: pong$
# expect: web.eth0 rx 192.168.0.100>10.244.2.2 .*udp .*>5353 = 1
# expect: web.eth0 rx 10.244.1.2>10.244.2.2 .*udp .*>5353 = 1
# expect: outside.eth0 rx icmp = 0
set -e
ip netns add wire; ip -n wire link add br0 type bridge; ip -n wire link set br0 up
host() {
    ip netns add $1; ip link add eth0 netns $1 type veth peer name $1 netns wire
    ip -n wire link set $1 master br0; ip -n wire link set $1 up
    ip -n $1 addr add $2/24 dev eth0; ip -n $1 link set eth0 up; ip -n $1 link set lo up
}
host n1 192.168.0.1; host n2 192.168.0.2; host outside 192.168.0.100
pod() {
    ip netns add $1; ip link add eth0 netns $1 type veth peer name v$1 netns $2
    ip -n $2 addr add ${3%.*}.1/24 dev v$1; ip -n $2 link set v$1 up
    ip -n $1 addr add $3/24 dev eth0; ip -n $1 link set eth0 up; ip -n $1 route add default via ${3%.*}.1
}
pod client n1 10.244.1.2; pod web n2 10.244.2.2
ip -n n1 route add 10.244.2.0/24 via 192.168.0.2; ip -n n2 route add 10.244.1.0/24 via 192.168.0.1
sleep 0.2
proxy() {  # NODE LOCAL-RULE FILTER-RULE
    ip netns exec $1 sysctl -qw net.ipv4.ip_forward=1
    ip netns exec $1 iptables-restore <<RULES
*filter
:KUBE-EXTERNAL-SERVICES - [0:0]
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
$3
COMMIT
*nat
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-EXT-DNS - [0:0]
:KUBE-SVC-DNS - [0:0]
:KUBE-SVL-DNS - [0:0]
:KUBE-SEP-DNS - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-NODEPORTS -m comment --comment default/dns -m udp -p udp --dport 30053 -j KUBE-EXT-DNS
-A KUBE-EXT-DNS -m comment --comment "pod traffic for default/dns external destinations" -s 10.244.0.0/16 -j KUBE-SVC-DNS
-A KUBE-EXT-DNS -m comment --comment "masquerade LOCAL traffic for default/dns external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ
-A KUBE-EXT-DNS -m comment --comment "route LOCAL traffic for default/dns external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC-DNS
$2
-A KUBE-SVC-DNS -j KUBE-SEP-DNS
-A KUBE-SVL-DNS -j KUBE-SEP-DNS
-A KUBE-SEP-DNS -s 10.244.2.2 -j KUBE-MARK-MASQ
-A KUBE-SEP-DNS -m udp -p udp -j DNAT --to-destination 10.244.2.2:5353
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -j MASQUERADE
COMMIT
RULES
}
drop='-A KUBE-EXTERNAL-SERVICES -m comment --comment "default/dns has no local endpoints" -m addrtype --dst-type LOCAL -m udp -p udp --dport 30053 -j DROP'
proxy n1 "" "$drop"
proxy n2 "-A KUBE-EXT-DNS -j KUBE-SVL-DNS" ""
ask() {
    (echo pong; sleep 1.8) | timeout 1.8 ip netns exec web nc -u -l -p 5353 >/dev/null &
    sleep 0.3
    local answer=$(echo ping | ip netns exec $2 nc -u -w 1 -p $4 $3 30053)
    echo "$1: ${answer:-nothing}"
    wait || true
}
ask "outside to the node without" outside 192.168.0.1 4001
ask "outside to the node with" outside 192.168.0.2 4002
ask "pod to its own node without" client 192.168.0.1 4003
ask "the node itself" n1 192.168.0.1 4004
ip netns exec n1 iptables -nvL KUBE-EXTERNAL-SERVICES
