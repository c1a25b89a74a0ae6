#!/usr/bin/env bash
# What Docker sets up, by functions: a bridge, its chains, two containers, a published port.
# expect: status 0
# expect: output HTTP/1.0 200 OK
# expect: output ^200$
# expect: no output FAIL
# expect: output -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
# Emulate docker0
BRIDGE=docker0; SUBNET=172.17.0.0/16; GATEWAY=172.17.0.1
create_bridge() {
  ip link add name ${BRIDGE} type bridge
  ip addr add ${GATEWAY}/16 dev ${BRIDGE}
  ip link set dev ${BRIDGE} up
}
setup_nat() {
  sysctl -w net.ipv4.ip_forward=1
  iptables -N DOCKER
  iptables -t nat -N DOCKER
  iptables -P FORWARD DROP
  iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
  iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
  iptables -t nat -A POSTROUTING -s ${SUBNET} ! -o ${BRIDGE} -j MASQUERADE
  iptables -A FORWARD -o ${BRIDGE} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
  iptables -A FORWARD -o ${BRIDGE} -j DOCKER
  iptables -A FORWARD -i ${BRIDGE} ! -o ${BRIDGE} -j ACCEPT
  iptables -A FORWARD -i ${BRIDGE} -o ${BRIDGE} -j ACCEPT
  iptables -t nat -A DOCKER -i ${BRIDGE} -j RETURN
}
create_container() { # name ip
  local name=$1 ip=$2 id; id=$(echo -n "$name" | md5sum | cut -c1-7)
  ip netns add "$name"
  ip link add "veth$id" type veth peer name "vethc$id"
  ip link set "vethc$id" netns "$name"
  ip link set "veth$id" master ${BRIDGE}
  ip link set "veth$id" up
  ip netns exec "$name" ip link set dev "vethc$id" name eth0
  ip netns exec "$name" ip addr add "$ip/16" dev eth0
  ip netns exec "$name" ip link set eth0 up
  ip netns exec "$name" ip link set lo up
  ip netns exec "$name" ip route add default via ${GATEWAY} dev eth0
}
publish() { # hostport ip port
  iptables -t nat -A DOCKER ! -i ${BRIDGE} -p tcp -m tcp --dport "$1" -j DNAT --to-destination "$2:$3"
  iptables -A DOCKER -d "$2/32" ! -i ${BRIDGE} -o ${BRIDGE} -p tcp -m tcp --dport "$3" -j ACCEPT
  iptables -t nat -A POSTROUTING -s "$2/32" -d "$2/32" -p tcp -m tcp --dport "$3" -j MASQUERADE
}
create_bridge; setup_nat
create_container c1 172.17.0.2; create_container c2 172.17.0.3
publish 8080 172.17.0.2 80
# the outside world
ip netns add internet
ip link add eth0 type veth peer name eth0 netns internet
ip addr add 203.0.113.2/24 dev eth0; ip link set eth0 up
ip -n internet addr add 203.0.113.1/24 dev eth0; ip -n internet link set eth0 up
ip route add default via 203.0.113.1
ip netns exec c1 python3 -m http.server 80 >/dev/null 2>&1 &
sleep 1
ip netns exec c2 ping -c 2 172.17.0.2 || echo FAIL
ip netns exec c2 ping -c 2 -W 1 203.0.113.1 || echo FAIL
ip netns exec internet curl -sI http://203.0.113.2:8080/ | head -n 1
curl -s http://203.0.113.2:8080/ -o /dev/null -w "%{http_code}\n"
iptables -t nat -S; iptables -S; conntrack -L 2>/dev/null | wc -l
