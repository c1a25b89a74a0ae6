# kube-proxy marks what must come back through the node and masquerades it in POSTROUTING. Another agent's ACCEPT before its rule hides it: the
# request goes out with the client's address, and the backend answers past the node. In the right order the answer comes home.
# gotcha: 3
# expect: status 0
# expect: output ^ACCEPT first: no answer$
# expect: output ^KUBE-POSTROUTING first: pong$
# expect: backend.eth0 rx 192.168.0.100>10.244.2.2 .*udp 40001>5353 = 1
# expect: backend.eth0 rx 192.168.0.2>10.244.2.2 .*udp .*>5353 = 1
set -e
# client -- node (192.168.0.2, 10.0.12.1) -- router -- backend; the router also knows the client, by another way
for n in client node router backend; do ip netns add $n; done
ip -n node link add lan type bridge
ip link add eth0 netns client type veth peer name lan0 netns node
ip link add lan1 netns node type veth peer name eth0 netns router
ip link add eth1 netns router type veth peer name eth0 netns backend
ip -n node link set lan0 master lan; ip -n node link set lan1 master lan
for d in lan lan0 lan1; do ip -n node link set $d up; done
ip -n client link set eth0 up; ip -n router link set eth0 up; ip -n router link set eth1 up; ip -n backend link set eth0 up
ip -n client addr add 192.168.0.100/24 dev eth0; ip -n node addr add 192.168.0.2/24 dev lan
ip -n router addr add 192.168.0.3/24 dev eth0; ip -n router addr add 10.244.2.1/24 dev eth1; ip -n backend addr add 10.244.2.2/24 dev eth0
ip -n client route add default via 192.168.0.2; ip -n node route add 10.244.2.0/24 via 192.168.0.3; ip -n backend route add default via 10.244.2.1
for n in node router; do ip netns exec $n sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0; done
for d in lan default; do ip netns exec node sysctl -qw net.ipv4.conf.$d.send_redirects=0; done
ip netns exec node sysctl -qw net.bridge.bridge-nf-call-iptables=0
sleep 0.2
ip netns exec node iptables-restore <<'RULES'
*nat
:KUBE-NODEPORTS - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-NODEPORTS -m udp -p udp --dport 30053 -j KUBE-MARK-MASQ
-A KUBE-NODEPORTS -m udp -p udp --dport 30053 -j DNAT --to-destination 10.244.2.2:5353
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A POSTROUTING -m comment --comment "somebody else" -o lan -j ACCEPT
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE
COMMIT
RULES
ask() {
    (echo pong; sleep 2) | timeout 2 ip netns exec backend nc -u -l -p 5353 >/dev/null &
    sleep 0.3
    local answer=$(echo ping | ip netns exec client nc -u -w 1 -p $2 192.168.0.2 30053)
    echo "$1: ${answer:-no answer}"
    wait || true
}
ask "ACCEPT first" 40001
ip netns exec node iptables -t nat -D POSTROUTING -m comment --comment "somebody else" -o lan -j ACCEPT
ip netns exec node iptables -t nat -A POSTROUTING -m comment --comment "somebody else" -o lan -j ACCEPT
ask "KUBE-POSTROUTING first" 40002
ip netns exec node iptables -t nat -nvL POSTROUTING
