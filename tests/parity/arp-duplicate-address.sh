# arping -D: is an address free? The owner answers the probe from 0.0.0.0, the prober's neighbour table stays empty, and the script knows by the status.
# expect: status 0
# expect: output 10.0.0.2 is taken
# expect: output 10.0.0.3 is free
# expect: output ^neighbours of the owner: $
# expect: owner.eth0 rx arp who-has 10.0.0.2 tell 0.0.0.0 = 1
# expect: newcomer.eth0 rx arp reply 10.0.0.2 is-at .* to 0.0.0.0 = 1
# expect: newcomer.eth0 tx arp who-has 10.0.0.3 tell 0.0.0.0 = 2
# needs: arping
set -u
for ns in owner newcomer; do ip netns add "$ns"; done
ip link add veth0 type veth peer name veth1
ip link set veth0 netns owner name eth0 up
ip link set veth1 netns newcomer name eth0 up
ip -n owner addr add 10.0.0.2/24 dev eth0
sleep 0.2
for address in 10.0.0.2 10.0.0.3; do
    if ip netns exec newcomer arping -q -D -c 2 -w 2 -I eth0 $address; then
        echo "$address is free"
        ip -n newcomer addr add $address/24 dev eth0
    else
        echo "$address is taken"
    fi
done
echo "neighbours of the owner: $(ip -n owner neigh)"
ip netns exec owner ping -c 1 10.0.0.3
