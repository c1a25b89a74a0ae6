# limit and hashlimit: a burst at once, then a packet now and then; hashlimit counts for each sender.
# expect: status 0
# expect: output ^10 packets transmitted, 6 received
# expect: output ^6 packets transmitted, 3 received
set -e
ip netns add red; ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
for a in 1 3; do ip -n red addr add 10.0.0.$a/24 dev eth0; done
ip -n blue addr add 10.0.0.2/24 dev eth0
ip -n red link set eth0 up; ip -n blue link set eth0 up
ip netns exec blue iptables -A INPUT -p icmp -m limit --limit 1/second --limit-burst 5 -j ACCEPT
ip netns exec blue iptables -A INPUT -p icmp -j DROP
ip netns exec red ping -c 10 -i 0.15 -W 1 10.0.0.2
sleep 8
ip netns exec red ping -q -c 7 -i 0.1 -W 1 10.0.0.2

ip netns exec blue iptables -F INPUT
ip netns exec blue iptables -A INPUT -m hashlimit --hashlimit-name each --hashlimit-upto 30/minute --hashlimit-burst 3 --hashlimit-mode srcip -j ACCEPT
ip netns exec blue iptables -A INPUT -m hashlimit --hashlimit-name all --hashlimit-above 1/second --hashlimit-burst 2
ip netns exec blue iptables -A INPUT -p icmp -j DROP
ip netns exec red ping -q -c 6 -i 0.1 -W 1 -I 10.0.0.1 10.0.0.2
ip netns exec red ping -q -c 6 -i 0.1 -W 1 -I 10.0.0.3 10.0.0.2
sleep 1.8
ip netns exec red ping -q -c 2 -i 0.1 -W 1 -I 10.0.0.1 10.0.0.2
ip netns exec blue iptables -L -n -v
ip netns exec blue iptables -S
