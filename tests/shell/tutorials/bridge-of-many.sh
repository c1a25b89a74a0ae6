#!/usr/bin/env bash
# A bridge and four namespaces, every pair of them; brctl, and /sys/class/net in a loop.
# expect: status 0
# expect: output 1->2 1->3 1->4 2->1 2->3 2->4 3->1 3->2 3->4 4->1 4->2 4->3
# expect: no output FAIL
# expect: output ^br-tap4$
set -eu
NUM=${1:-4}
brctl addbr br-test
brctl stp br-test off
ip link set dev br-test up
for i in $(seq 1 "$NUM"); do
    ip netns add ns$i
    ip link add tap$i type veth peer name br-tap$i
    brctl addif br-test br-tap$i
    ip link set tap$i netns ns$i
    ip netns exec ns$i ip addr add 10.0.0.$i/24 dev tap$i
    ip netns exec ns$i ip link set dev tap$i up
    ip link set dev br-tap$i up
done
for i in $(seq 1 "$NUM"); do for j in $(seq 1 "$NUM"); do
    [ "$i" = "$j" ] && continue
    if ip netns exec ns$i ping -c 1 -W 1 -q 10.0.0.$j > /dev/null; then printf '%s ' "$i->$j"; else echo "FAIL $i $j"; fi
done; done; echo
brctl showmacs br-test; brctl show br-test
bridge fdb show br br-test | grep -v permanent
ip -o link show master br-test | awk -F': ' '{print $2}'
for f in /sys/class/net/br-test/brif/*; do basename "$f"; done
for i in $(seq 1 "$NUM"); do ip netns delete ns$i; done
ip link set dev br-test down; brctl delbr br-test
