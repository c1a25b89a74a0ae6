# A network is built by `ip -batch`: from a file, from standard input, in a namespace of its own; the first line that fails ends it, with -force it goes on.
# expect: status 0
# expect: output ^Command failed -:2
# expect: output ^without force: 1
# expect: output ^with force: 1
# expect: output ^10.8.0.0/16 via 10.0.0.2 dev eth0
# expect: output 2 received
# expect: output 1 received
# expect: no output 10.7.0.0
# expect: red.eth0 tx icmp echo request = 3
# quick
set -u
file=$(mktemp)
trap 'rm -f "$file"' EXIT
cat > "$file" <<'BATCH'
# the whole network
netns add red
netns add blue

link add eth0 netns red type veth peer name eth0 netns blue
BATCH
ip -batch "$file"
for n in 1 2; do
    ns=$( [ $n = 1 ] && echo red || echo blue )
    ip -n "$ns" -batch - <<BATCH
link set lo up
link set eth0 up
addr add 10.0.0.$n/24 dev eth0
BATCH
done
sleep 0.2
ip netns exec red ping -c 2 -i 0.2 -W 1 10.0.0.2
printf '%s\n' 'route add 10.6.0.0/16 via 10.0.0.2' 'route add 10.6.0.0/16 via 10.0.0.2' 'route add 10.7.0.0/16 via 10.0.0.2' | ip -n red -batch - 2>&1
echo "without force: ${PIPESTATUS[1]}"
printf '%s\n' 'route del 10.6.0.0/16' 'route del 10.6.0.0/16' 'route add 10.8.0.0/16 via 10.0.0.2' | ip -n red -force -batch - 2>&1
echo "with force: ${PIPESTATUS[1]}"
ip -n blue addr add 10.8.0.1/32 dev lo
ip -n red route
ip netns exec red ping -c 1 -W 1 10.8.0.1
exit 0
