# A pod that reaches its own Service: DNAT sends it back to itself, out of the port it came in by. Without hairpin mode the bridge drops it.
# gotcha: 2
# expect: status 0
# expect: output ^another pod, hairpin off: hello
# expect: output ^itself, hairpin off: nothing
# expect: output ^itself, hairpin on: hello
# expect: web.eth0 tx 10.244.1.3>10.96.0.10 .* S seq
# expect: web.eth0 rx 10.244.1.1>10.244.1.3 .* S seq .* = 1
# needs: nc
set -u
sysctl -qw net.ipv4.ip_forward=1
ip link add cbr0 address 02:00:00:00:01:01 type bridge
ip addr add 10.244.1.1/24 dev cbr0
ip link set cbr0 up
n=2
for pod in client web; do
    ip netns add $pod
    ip link add veth-$pod type veth peer name eth0 netns $pod
    ip link set veth-$pod master cbr0 up
    ip -n $pod addr add 10.244.1.$n/24 dev eth0
    ip -n $pod link set lo up
    ip -n $pod link set eth0 up
    ip -n $pod route add default via 10.244.1.1
    n=$((n + 1))
done
sysctl -qw net.bridge.bridge-nf-call-iptables=1
iptables-restore <<'RULES'
*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SEP - [0:0]
:KUBE-POSTROUTING - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j KUBE-SEP
-A KUBE-SEP -s 10.244.1.3/32 -j MARK --set-xmark 0x4000/0x4000
-A KUBE-SEP -p tcp -j DNAT --to-destination 10.244.1.3:8080
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -j MASQUERADE
COMMIT
RULES
sleep 0.3
(while true; do echo hello | ip netns exec web nc -l -N -p 8080 > /dev/null || exit; done) 2> /dev/null &
server=$!
sleep 0.3
call() { local text; text=$(ip netns exec $2 nc -w 2 10.96.0.10 80 < /dev/null); echo "$1: ${text:-nothing}"; }

call 'another pod, hairpin off' client
sleep 0.3
call 'itself, hairpin off' web
bridge link set dev veth-web hairpin on
call 'itself, hairpin on' web
sleep 0.3
kill $server
iptables -t nat -S KUBE-SEP
exit 0
