# A packet meets the tables in the kernel's order: raw, mangle, nat, filter on its way in, the same on its way out. Every chain of every table
# counts; what an earlier one drops, later ones never see, and nat sees only the first packet of each connection.
# expect: status 0
# expect: output ^3 packets transmitted, 3 received
# expect: output ^2 packets transmitted, 0 received
# expect: blue.eth0 rx icmp echo request = 4
# expect: red.eth0 tx icmp echo request = 7
# quick
set -e
for ns in red gw blue; do ip netns add $ns; ip -n $ns link set lo up; done
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0
ip -n gw addr add 10.2.0.1/24 dev b0
ip -n red addr add 10.1.0.2/24 dev eth0
ip -n blue addr add 10.2.0.2/24 dev eth0
for dev in r0 b0; do ip -n gw link set $dev up; done
for ns in red blue; do ip -n $ns link set eth0 up; done
ip -n red route add default via 10.1.0.1
ip -n blue route add default via 10.2.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1

gw() { ip netns exec gw "$@"; }
for table in raw mangle nat filter; do
    case $table in
    raw)    chains="PREROUTING OUTPUT" ;;
    mangle) chains="PREROUTING INPUT FORWARD OUTPUT POSTROUTING" ;;
    nat)    chains="PREROUTING INPUT OUTPUT POSTROUTING" ;;
    filter) chains="INPUT FORWARD OUTPUT" ;;
    esac
    for chain in $chains; do
        gw iptables -t $table -A $chain -p icmp -m comment --comment "$table $chain" -j LOG --log-prefix "$table-$chain "
    done
done
# without a rule that needs connection tracking the nat chains would not run at all
gw iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP

ip netns exec red ping -c 3 -i 0.2 10.2.0.2      # through
ip netns exec red ping -c 1 10.1.0.1             # to the router itself
gw ping -c 1 10.2.0.2                            # from it
for table in raw mangle nat filter; do echo "== $table"; gw iptables -t $table -L -n -v; done

# what raw drops, mangle does not count; what mangle drops, filter does not
gw iptables -t raw -I PREROUTING 1 -s 10.1.0.2 -d 10.2.0.0/24 -p icmp -m length --length 128 -j DROP
gw iptables -t mangle -I FORWARD 1 -p icmp -m length --length 228 -j DROP
ip netns exec red ping -c 1 -W 1 -s 100 10.2.0.2 || true
ip netns exec red ping -c 2 -i 0.2 -W 1 -s 200 10.2.0.2 || true
gw iptables-save -c | grep -e '-A'
