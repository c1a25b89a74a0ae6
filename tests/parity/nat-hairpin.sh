# Hairpin on a router: a server and its client in one network, the client dials the router's outer address. With DNAT alone the server answers the
# client directly, which knows nothing of it; with SNAT as well the answer comes back through the router.
# expect: status 0
# expect: output ^DNAT alone: no answer$
# expect: output ^and SNAT: pong$
# expect: client.eth0 rx 192.168.1.10>192.168.1.20 .*udp
# expect: client.eth0 rx 203.0.113.1>192.168.1.20 .*udp
set -e
for n in client server gw; do ip netns add $n; done
ip -n gw link add lan type bridge
ip -n gw addr add 192.168.1.1/24 dev lan
ip -n gw link set lan up; ip -n gw link set lo up
ip -n gw addr add 203.0.113.1/32 dev lo
i=1
for n in client server; do
    ip link add eth0 netns $n type veth peer name to-$n netns gw
    ip -n gw link set to-$n master lan
    ip -n gw link set to-$n up
    ip -n $n addr add 192.168.1.$((30 - i * 10))/24 dev eth0
    ip -n $n link set eth0 up
    ip -n $n route add default via 192.168.1.1
    i=$((i + 1))
done
sleep 0.2
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.lan.send_redirects=0
ip netns exec gw sysctl -qw net.bridge.bridge-nf-call-iptables=0
ip netns exec gw iptables -t nat -A PREROUTING -d 203.0.113.1 -p udp --dport 53 -j DNAT --to-destination 192.168.1.10:53

ask() {
    echo pong | ip netns exec server nc -u -l -p 53 -w 2 >/dev/null & 
    sleep 0.3
    local answer=$(echo ping | ip netns exec client nc -u -w 1 -p $2 203.0.113.1 53)
    echo "$1: ${answer:-no answer}"
    wait
}
ask "DNAT alone" 40001
ip netns exec gw iptables -t nat -A POSTROUTING -s 192.168.1.0/24 -d 192.168.1.10 -p udp --dport 53 -j SNAT --to-source 192.168.1.1
ask "and SNAT" 40002
ip netns exec gw iptables -t nat -nvL
