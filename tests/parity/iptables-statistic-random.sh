# Three chains share new connections by lot, as kube-proxy's do: 1/3, then 1/2 of the rest, then what is left. Which one it is the kernel draws,
# once for each connection: its packets and their answers keep to it.
# expect: status 0
# expect: output ^8 connections, 8 answers$
# expect: red.eth0 rx 10.96.0.1>10.1.0.2 .*udp .* data 5 = 8
set -e
ip netns add red; ip netns add gw; ip netns add srv
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns srv type veth peer name s0 netns gw
ip -n red addr add 10.1.0.2/24 dev eth0
ip -n gw addr add 10.1.0.1/24 dev r0
ip -n gw addr add 10.2.0.1/24 dev s0
for i in 11 12 13; do ip -n srv addr add 10.2.0.$i/24 dev eth0; done
ip -n red link set eth0 up; ip -n srv link set eth0 up; ip -n gw link set r0 up; ip -n gw link set s0 up
ip -n red route add default via 10.1.0.1
ip -n srv route add default via 10.2.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1

ip netns exec gw iptables-restore <<'END'
*nat
:SVC - [0:0]
:SEP-A - [0:0]
:SEP-B - [0:0]
:SEP-C - [0:0]
-A PREROUTING -d 10.96.0.1/32 -p udp -m udp --dport 5000 -j SVC
-A SVC -m statistic --mode random --probability 0.3333333333 -j SEP-A
-A SVC -m statistic --mode random --probability 0.5000000000 -j SEP-B
-A SVC -j SEP-C
-A SEP-A -p udp -m udp -j DNAT --to-destination 10.2.0.11:5000
-A SEP-B -p udp -m udp -j DNAT --to-destination 10.2.0.12:5000
-A SEP-C -p udp -m udp -j DNAT --to-destination 10.2.0.13:5000
COMMIT
END
answers=0
for i in 1 2 3 4 5 6 7 8; do
    pids=""
    for a in 11 12 13; do
        echo pong | ip netns exec srv nc -u -l -s 10.2.0.$a -p 5000 -w 3 >/dev/null &
        pids+=" $!"
    done
    sleep 0.3
    answer=$(echo ping | ip netns exec red nc -u -w 1 -p $((6000 + i)) 10.96.0.1 5000)
    [ "$answer" = pong ] && answers=$((answers + 1))
    kill $pids 2>/dev/null || true
    wait
done
echo "8 connections, $answers answers"
