# kube-proxy with the wrong cluster CIDR takes clients from outside the cluster for pods, and does not masquerade them: the backend answers past the
# node that translated, straight to the client, who asked somebody else.
# gotcha: 31
# expect: status 0
# expect: output ^cluster CIDR 0.0.0.0/0: nothing$
# expect: output ^cluster CIDR 10.244.0.0/16: pong$
# expect: client.eth0 rx 192.168.0.2>192.168.0.100 .*udp 5353>40001 = 1
# expect: client.eth0 rx 10.96.0.10>192.168.0.100 .*udp 53>40002 = 1
set -e
ip netns add wire; ip -n wire link add br0 type bridge; ip -n wire link set br0 up
host() {
    ip netns add $1; ip link add eth0 netns $1 type veth peer name $1 netns wire
    ip -n wire link set $1 master br0; ip -n wire link set $1 up
    ip -n $1 addr add $2/24 dev eth0; ip -n $1 link set eth0 up
}
host client 192.168.0.100; host node 192.168.0.1; host backend 192.168.0.2
sleep 0.2
ip -n client route add 10.96.0.0/12 via 192.168.0.1
ip netns exec node sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0
proxy() {
    ip netns exec node iptables-restore <<RULES
*nat
:KUBE-SERVICES - [0:0]
:KUBE-SVC-DNS - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-SERVICES -m comment --comment "default/dns cluster IP" -m udp -p udp -d 10.96.0.10 --dport 53 -j KUBE-SVC-DNS
$1
-A KUBE-SVC-DNS -m udp -p udp -j DNAT --to-destination 192.168.0.2:5353
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -j MASQUERADE
COMMIT
RULES
}
ask() {
    (echo pong; sleep 1.8) | timeout 1.8 ip netns exec backend nc -u -l -p 5353 >/dev/null &
    sleep 0.3
    local answer=$(echo ping | ip netns exec client nc -u -w 1 -p $2 10.96.0.10 53)
    echo "$1: ${answer:-nothing}"
    wait || true
}
proxy ""        # ! -s 0.0.0.0/0: nobody
ask "cluster CIDR 0.0.0.0/0" 40001
proxy '-A KUBE-SVC-DNS -m comment --comment "default/dns cluster IP" -m udp -p udp -d 10.96.0.10 --dport 53 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ'
ask "cluster CIDR 10.244.0.0/16" 40002
