# A socket bound to one address hears what is sent to that address only; a more precise socket is preferred to one bound to any; answers come from the
# address that was bound, or the one a connected peer spoke to.
# expect: status 0
# expect: output ^for .3: to-three
# expect: output ^for any: to-two
# expect: b.eth0 rx ip 10.0.0.1>10.0.0.3 .*udp p.*>7000 data 9
# expect: b.eth0 tx icmp 3/3 = 1
# needs: nc
set -e
for n in a b; do ip netns add $n; done
ip link add eth0 netns a type veth peer name eth0 netns b
ip -n a addr add 10.0.0.1/24 dev eth0
for k in 2 3 4; do ip -n b addr add 10.0.0.$k/24 dev eth0; done
ip -n a link set eth0 up
ip -n b link set eth0 up
dir=$(mktemp -d)
trap 'rm -r $dir' EXIT
ip netns exec b timeout 2 nc -u -l 7000 > $dir/any &
sleep 0.1
ip netns exec b timeout 2 nc -u -l 10.0.0.3 7000 > $dir/three &
sleep 0.1
ip netns exec b timeout 2 nc -u -l 10.0.0.3 7001 > $dir/only &
sleep 0.1
sleep 0.4
send() { echo "$1" | ip netns exec a nc -u -q 0 -w 1 $2 $3; sleep 0.1; }
send to-three 10.0.0.3 7000
send to-two 10.0.0.2 7000
send to-four 10.0.0.4 7001                # bound to .3: closed for .4
wait || true
echo "for .3: $(cat $dir/three)"
echo "for any: $(cat $dir/any)"
echo "only .3: $(cat $dir/only)"
