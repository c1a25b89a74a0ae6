# A router that sends a packet back out of the device it came in by tells the sender of the nearer gateway. The host asks for that gateway's MAC at the first
# redirect, follows from the second on, and forgets with `ip route flush cache`. With accept_redirects=0 it does not listen; with send_redirects=0 none is sent.
# expect: status 0
# expect: output Redirect Host\(New nexthop: 10.0.0.253\)
# expect: output cache <redirected> expires
# expect: pc.eth0 rx icmp 5/1 redirect host to 10.0.0.253 = 3
# expect: pc.eth0 rx r2.eth0>pc.eth0 ip 192.0.2.1>10.0.0.1 .*echo reply
# expect: r2.eth0 rx pc.eth0>r2.eth0 ip 10.0.0.1>192.0.2.1 .*echo request = 1
set -eu
trap 'for n in pc r1 r2 sw; do ip netns del $n 2>/dev/null || true; done' ERR
ip netns add sw
ip -n sw link add br0 type bridge
ip -n sw link set br0 up
host=1
for n in pc:1 r1:254 r2:253; do
    name=${n%:*}
    ip netns add $name
    ip link add eth0 netns $name type veth peer name $name netns sw
    ip -n sw link set $name master br0 up
    ip -n $name addr add 10.0.0.${n#*:}/24 dev eth0
    ip -n $name link set eth0 up
    ip -n $name link set lo up
done
sleep 0.2
ip netns exec r1 sysctl -qw net.ipv4.ip_forward=1
ip -n r2 addr add 192.0.2.1/32 dev lo
ip -n pc route add default via 10.0.0.254
ip -n r1 route add default via 10.0.0.253

get() { ip -n pc route get 192.0.2.1 | sed 's/expires [0-9]*sec/expires/'; }
ask() { ip netns exec pc ping -c 1 -W 1 192.0.2.1 || true; get; sleep 0.2; }
ip -n r1 route get 192.0.2.1 from 10.0.0.1 iif eth0
ask                    # redirected, but who is 10.0.0.253?
ask                    # now it listens
ask                    # straight to r2
ip -n pc route flush cache
get
ip netns exec pc sysctl -qw net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.eth0.accept_redirects=0
sleep 1
ask                    # told again, in vain
ip netns exec r1 sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0
sleep 1
ask                    # silence
ip netns exec r1 sysctl -n net.ipv4.conf.all.accept_redirects
