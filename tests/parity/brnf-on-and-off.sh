# A bridged packet passes iptables only where bridge-nf-call-iptables says so: with 1 PREROUTING, FORWARD and POSTROUTING see it (once), with 0 none
# does. ARP they never see.
# expect: status 0
# expect: output ^with 1: PREROUTING 2 FORWARD 2 POSTROUTING 2$
# expect: output ^with 0: PREROUTING 0 FORWARD 0 POSTROUTING 0$
# expect: output ^dropped in FORWARD with 1: nothing$
# expect: output ^dropped in FORWARD with 0: through$
# expect: b.eth0 rx arp who-has
# quick
set -e
ip netns add br
ip -n br link add br0 type bridge
ip -n br link set br0 up
for n in a b; do
    ip netns add $n
    ip link add eth0 netns $n type veth peer name p$n netns br
    ip -n br link set p$n master br0
    ip -n br link set p$n up
    ip -n $n link set eth0 up
done
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n b addr add 10.0.0.2/24 dev eth0
sleep 0.2
for c in PREROUTING INPUT FORWARD POSTROUTING; do ip netns exec br iptables -t mangle -A $c; done
ip netns exec br sysctl net.bridge.bridge-nf-call-iptables
counts() {
    for c in PREROUTING FORWARD POSTROUTING; do printf ' %s %s' $c $(ip netns exec br iptables -t mangle -nvxL $c | awk 'NR > 2 { print $1; exit }'); done
    ip netns exec br iptables -t mangle -Z
}
try() { if ip netns exec a ping -q -c 1 -W 0.5 10.0.0.2 >/dev/null; then echo "$1: through"; else echo "$1: nothing"; fi; }
for how in 1 0; do
    ip netns exec br sysctl -qw net.bridge.bridge-nf-call-iptables=$how
    ip netns exec a ping -q -c 1 10.0.0.2 >/dev/null
    echo "with $how:$(counts)"
done
ip netns exec br iptables -P FORWARD DROP
for how in 1 0; do
    ip netns exec br sysctl -qw net.bridge.bridge-nf-call-iptables=$how
    try "dropped in FORWARD with $how"
done
ip netns exec br iptables -nvL FORWARD
