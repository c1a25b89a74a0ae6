# A Service and its client on one node. With bridge-nf-call-iptables=0 the answer is bridged past connection tracking and keeps the backend's address:
# the client knows no such connection and resets it. With 1 it is translated back.
# gotcha: 1
# expect: status 0
# expect: output ^bridge-nf-call-iptables=0: no answer$
# expect: output ^bridge-nf-call-iptables=1: pong$
# expect: client.eth0 tx 10.244.1.2>10.244.1.3 .*tcp p1>8080 R
# expect: client.eth0 rx 10.96.0.10>10.244.1.2 .*tcp 80>p2 .* data 5
set -e
ip netns add node
ip -n node link add cbr0 type bridge
ip -n node addr add 10.244.1.1/24 dev cbr0
ip -n node link set cbr0 up
for pod in client:2 web:3; do
    name=${pod%:*}
    ip netns add $name
    ip link add eth0 netns $name type veth peer name veth-$name netns node
    ip -n node link set veth-$name master cbr0 up
    ip -n $name addr add 10.244.1.${pod#*:}/24 dev eth0
    ip -n $name link set eth0 up
    ip -n $name route add default via 10.244.1.1
done
sleep 0.2
ip netns exec node iptables-restore <<'RULES'
*nat
:KUBE-SERVICES - [0:0]
:KUBE-SVC-WEB - [0:0]
:KUBE-SEP-WEB - [0:0]
:KUBE-MARK-MASQ - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.96.0.10 --dport 80 -j KUBE-SVC-WEB
-A KUBE-SVC-WEB -m comment --comment "default/web -> 10.244.1.3:8080" -j KUBE-SEP-WEB
-A KUBE-SEP-WEB -m comment --comment default/web -s 10.244.1.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-WEB -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.3:8080
COMMIT
RULES
ip netns exec node sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.cbr0.send_redirects=0 net.ipv4.conf.all.send_redirects=0
for how in 0 1; do
    ip netns exec node sysctl -qw net.bridge.bridge-nf-call-iptables=$how
    (sleep 1; echo pong; sleep 0.5) | timeout 3 ip netns exec web nc -l -p 8080 -N >/dev/null &
    sleep 0.3
    answer=$(ip netns exec client timeout 1.6 nc 10.96.0.10 80 </dev/null || true)
    echo "bridge-nf-call-iptables=$how: ${answer:-no answer}"
    wait || true
done
