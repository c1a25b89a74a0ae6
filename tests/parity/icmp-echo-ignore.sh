# Who answers echo requests: everybody, unless icmp_echo_ignore_all; to a broadcast or to 224.0.0.1 nobody, unless icmp_echo_ignore_broadcasts is 0, and
# then from the unicast address.
# expect: status 0
# expect: output ^10.0.0.255 ignored: 0 received
# expect: output ^10.0.0.255 answered: 1 received
# expect: output ^224.0.0.1 answered: 1 received
# expect: output ^255.255.255.255 answered: 1 received
# expect: output ^all ignored: 0 received
# expect: one.eth0 rx ip 10.0.0.2>10.0.0.1 .*echo reply = 4
# expect: one.eth0 rx ip 10.0.0.3>10.0.0.1 .*echo reply = 3
set -e
ip netns add lan
ip -n lan link add br0 type bridge
ip -n lan link set br0 up
n=1
for name in one two three; do
    ip netns add $name
    ip link add eth0 netns $name type veth peer name $name netns lan
    ip -n lan link set $name master br0 up
    ip -n $name addr add 10.0.0.$n/24 brd + dev eth0
    ip -n $name link set eth0 up
    n=$((n + 1))
    sleep 0.1
done
ip -n one route add 224.0.0.0/4 dev eth0
ip -n one route add 255.255.255.255 dev eth0
all() { for x in one two three; do ip netns exec $x sysctl -qw $1; done; }
p() { # LABEL ARGUMENTS...
    echo "$1: $(ip netns exec one ping -c 1 -w 1 "${@:2}" 2>/dev/null | grep -o "[0-9] received")"    # -c counts the first answer; both come
}
p "one" 10.0.0.2
p "10.0.0.255 ignored" -b 10.0.0.255
ip netns exec one ping -c 1 10.0.0.255 || echo "status $?"
all net.ipv4.icmp_echo_ignore_broadcasts=0
p "10.0.0.255 answered" -b 10.0.0.255
p "224.0.0.1 answered" 224.0.0.1
p "255.255.255.255 answered" -b 255.255.255.255
ip netns exec two sysctl -w net.ipv4.icmp_echo_ignore_all=1
p "all ignored" 10.0.0.2
