# What of the inner packet shows outside: TTL and TOS inherited or fixed, no checksum if asked so, source ports from a range, and DF as it is inside.
# expect: status 0
# expect: h1.eth0 tx ttl 64 id x .*vxlan 1 .*ttl 9 tos 10 .*echo request
# expect: h1.eth0 tx ttl 9 tos 10 df id . .*vxlan 2 .*ttl 9 tos 10 df .*echo request
# expect: h1.eth0 tx ttl 17 tos 20 .*no-checksum vxlan 3 .*echo request
# expect: h2.d1 rx echo request = 1
# expect: h2.d2 rx echo request = 1
# expect: h2.d3 rx echo request = 1
set -eu
ip netns add h1
ip netns add h2
ip link add eth0 netns h1 type veth peer name eth0 netns h2
for h in 1 2; do
    o=$((3 - h))
    ip -n h$h addr add 10.0.0.$h/24 dev eth0
    ip -n h$h link set eth0 up
    ip -n h$h neigh add 10.0.0.$o lladdr "$(ip -n h$o -br link show eth0 | awk '{print $3}')" dev eth0
    ip -n h$h link add d1 address 02:00:00:00:01:0$h type vxlan id 1 remote 10.0.0.$o local 10.0.0.$h dstport 8472
    ip -n h$h link add d2 address 02:00:00:00:02:0$h type vxlan id 2 remote 10.0.0.$o local 10.0.0.$h dstport 8472 ttl inherit tos inherit df inherit
    ip -n h$h link add d3 address 02:00:00:00:03:0$h type vxlan id 3 remote 10.0.0.$o local 10.0.0.$h dstport 8472 ttl 17 tos 0x20 noudpcsum srcport 40000 40001
    for n in 1 2 3; do
        ip -n h$h addr add 10.$n.0.$h/24 dev d$n
        ip -n h$h link set d$n up
        ip -n h$h neigh add 10.$n.0.$o lladdr 02:00:00:00:0$n:0$o dev d$n
    done
done
sleep 0.3
for n in 1 2 3; do
    ip netns exec h1 ping -c 1 -t 9 -Q 0x10 -M $([ $n = 2 ] && echo do || echo dont) 10.$n.0.2 | grep received
done
ip -n h1 -d link show d3 | grep -o 'vxlan id .*ageing [0-9]*'
ip -n h1 -d link show d2 | grep -o 'vxlan id .*ageing [0-9]*'
