# A rule may jump: `goto` skips the rules between, also when its target comes later ("unresolved" until then); `nop` does nothing.
# expect: status 0
# expect: output ^100:	from all fwmark 0x1 goto 300
# expect: output ^200:	from all prohibit
# expect: output 192.0.2.1 via 10.0.0.2 dev eth0
# expect: b.eth0 rx echo request = 1
# quick
ip netns add a; ip netns add b
ip -n a link add eth0 type veth peer name eth0 netns b
ip -n a addr add 10.0.0.1/24 dev eth0; ip -n b addr add 10.0.0.2/24 dev eth0
for n in a b; do ip -n $n link set lo up; ip -n $n link set eth0 up; done
ip -n b addr add 192.0.2.1/32 dev lo
ip -n a route add 192.0.2.1 via 10.0.0.2
ip -n a rule add fwmark 1 pref 100 goto 300
ip -n a rule
ip -n a rule add pref 200 prohibit
ip -n a rule add pref 300 nop
ip -n a rule
ip -n a route get 192.0.2.1 || echo "status $?"
ip -n a route get 192.0.2.1 mark 1
ip netns exec a ping -c 1 -W 1 192.0.2.1 || echo "status $?"
ip netns exec a ping -c 1 -W 1 -m 1 192.0.2.1
ip -n a rule del pref 300
ip -n a rule
ip -n a route get 192.0.2.1 mark 1 || echo "status $?"
ip -n a rule del pref 200
exit 0
