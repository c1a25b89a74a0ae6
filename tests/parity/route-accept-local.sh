# A packet from one of the receiver's own addresses is a martian, whoever sends it, unless accept_local is set. Where the host's own rules look for that source
# somewhere else than in the local table it is none: so two devices of one host can be wired together and talk over the wire.
# expect: status 0
# expect: output ^twin, accept_local 0: 0 received
# expect: output ^twin, accept_local 1: 0 received
# expect: output ^over the wire: 1 received
# expect: box.eth0 rx ip 10.9.0.1>10.9.0.2 .*echo request = 2
# expect: box.lo tx ip 10.9.0.2>10.9.0.1 .*echo reply = 1
# expect: loop.p1 rx ip 10.0.0.1>10.0.0.2 .*echo request = 1
# expect: loop.p1 tx ip 10.0.0.2>10.0.0.1 .*echo reply = 1
# expect: loop.lo tx icmp = 0
set -e
# a neighbour that has one of our addresses; what answers it is ourselves
for n in box twin; do ip netns add $n; ip -n $n link set lo up; done
ip link add eth0 netns box type veth peer name eth0 netns twin
ip -n box addr add 10.9.0.1/24 dev eth0
ip -n box addr add 10.9.0.2/24 dev eth0
ip -n twin addr add 10.9.0.1/24 dev eth0
ip -n box link set eth0 up
ip -n twin link set eth0 up
ip -n twin neigh add 10.9.0.2 lladdr $(ip -n box -o link show eth0 | sed 's/.*ether \([^ ]*\).*/\1/') dev eth0
for accept in 0 1; do
    ip netns exec box sysctl -qw net.ipv4.conf.all.accept_local=$accept
    echo "twin, accept_local $accept: $(ip netns exec twin ping -q -c 1 -W 0.4 10.9.0.2 | grep -o '[01] received')"
done

N="ip netns exec loop"
ip netns add loop
$N ip link set lo up
$N ip link add p0 type veth peer name p1
$N ip addr add 10.0.0.1/32 dev p0
$N ip addr add 10.0.0.2/32 dev p1
$N ip link set p0 up
$N ip link set p1 up
$N ip route add 10.0.0.2 dev p0 src 10.0.0.1 table 100
$N ip route add 10.0.0.1 dev p1 src 10.0.0.2 table 100
# packets that come in look into `local` first, those made here into table 100
$N ip rule add pref 10 iif p0 lookup local
$N ip rule add pref 11 iif p1 lookup local
$N ip rule add pref 20 lookup 100
$N ip rule add pref 30 lookup local
$N ip rule del pref 0
$N ip rule
mac() { $N ip -o link show $1 | sed 's/.*ether \([^ ]*\).*/\1/'; }
$N ip neigh replace 10.0.0.2 lladdr $(mac p1) dev p0
$N ip neigh replace 10.0.0.1 lladdr $(mac p0) dev p1
$N ip route get 10.0.0.2 from 10.0.0.1
echo "over the wire: $($N ping -q -c 1 -W 0.4 -I 10.0.0.1 10.0.0.2 | grep -o '[01] received')"
