# Rules in, out and elsewhere: by place and by what they say, replaced, checked, listed and zeroed. The order decides who gets through.
# expect: status 0
# expect: output ^1: nothing$
# expect: output ^2: through$
# expect: output ^3: through$
# expect: output ^4: nothing$
# expect: blue.eth0 rx icmp echo request = 4
# quick
ip netns add red; ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0; ip -n red link set eth0 up
ip -n blue addr add 10.0.0.2/24 dev eth0; ip -n blue link set eth0 up
B="ip netns exec blue iptables"
try() { ip netns exec red ping -q -c 1 -W 1 10.0.0.2 >/dev/null && echo "$1: through" || echo "$1: nothing"; }
$B -A INPUT -p icmp -j DROP
try 1
$B -I INPUT -p icmp -s 10.0.0.0/24 -j ACCEPT
try 2
$B -I INPUT 2 -s 10.0.0.1 -m comment --comment "number two" -j DROP
$B -R INPUT 1 -s 10.0.0.1 -j ACCEPT
$B -L INPUT --line-numbers -n
try 3
$B -C INPUT -p icmp -j DROP;            echo "check: $?"
$B -C INPUT -p udp -j DROP;             echo "check: $?"
$B -D INPUT -s 10.0.0.1 -j ACCEPT
$B -D INPUT 1
$B -S INPUT
$B -v -A INPUT -p tcp --dport 22 -j ACCEPT
$B -nvL INPUT 1
try 4
$B -L -n -v -Z
$B -L INPUT -n -v -x
$B -I INPUT -c 5 500 -j ACCEPT
$B -Z INPUT 2
$B -L INPUT -n -v
$B -S -v INPUT
$B -v -D INPUT 1
$B -v -F INPUT
$B -v -X
$B -v -Z
$B -D INPUT 1;                          echo "delete: $?"
$B -D INPUT -p icmp -j DROP;            echo "delete: $?"
$B -t mangle -A FORWARD -i eth0 -o eth1 -s 1.2.3.4 ! -d 5.6.0.0/16 ! -p tcp -f -j ACCEPT
$B -t mangle -L -n -v
$B -t mangle -S
exit 0
