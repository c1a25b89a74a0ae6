# Two interfaces in one network: both answer for every address (ARP flux), until arp_filter lets only that one answer by which the asker is reached.
# expect: status 0
# expect: output ^flux: 2 answers
# expect: output ^filtered: 1 answers
# expect: client.eth0 rx arp reply 10.0.0.12 is-at server.eth0 = 2
# expect: client.eth0 rx arp reply 10.0.0.12 is-at server.eth1 = 1
# needs: arping
set -e
ip link add lan type bridge
ip link set lan up
ip netns add client; ip netns add server
plug() { ip link add $1-$2 type veth peer name $2 netns $1; ip link set $1-$2 master lan up; ip -n $1 link set $2 up; }
plug client eth0
plug server eth0
plug server eth1
ip -n client addr add 10.0.0.1/24 dev eth0
ip -n server addr add 10.0.0.11/24 dev eth0
ip -n server addr add 10.0.0.12/24 dev eth1
sleep 0.3
count() { ip netns exec client arping -c 1 -I eth0 10.0.0.12 | grep -c "reply from"; }     # two answers to one question: status 1
echo "flux: $(count) answers"
ip netns exec server sysctl -q net.ipv4.conf.all.arp_filter=1
echo "filtered: $(count) answers"      # eth0's route to the client is the first
