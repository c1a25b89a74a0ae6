#!/bin/bash
# Policy routing: rules by source, destination, input device, mark and priority choose among several tables; rules that refuse; `not`; suppress_prefixlength.
# expect: status 0
# expect: isp1.eth0 rx ip 192.168.1.10>198.51.100.1 .*echo request = 1
# expect: isp2.eth0 rx ip 192.168.2.10>198.51.100.1 .*echo request = 1
# expect: isp2.eth0 rx ip 192.168.1.10>198.51.100.2 .*echo request = 1
# expect: isp2.eth0 rx ip 192.168.1.10>198.51.100.3 .*echo request = 1
# expect: lan1.eth0 rx icmp 3/13 admin prohibited = 1
# expect: lan1.eth0 rx icmp 3/0 net unreachable = 1
# expect: output ^0:	from all lookup local
# expect: output ^100:	from 192.168.2.0/24 lookup 102
set -euo pipefail
X() { ip netns exec "$@"; }

for n in lan1 lan2 router isp1 isp2; do ip netns add $n; ip -n $n link set lo up; done
i=0
for n in lan1 lan2 isp1 isp2; do
    i=$((i + 1))
    ip link add eth0 netns $n type veth peer name $n netns router
    case $n in lan*) net=192.168.${n#lan} ;; isp*) net=203.0.11${n#isp} ;; esac
    ip -n router addr add $net.1/24 dev $n
    ip -n router link set $n up
    ip -n $n addr add $net.10/24 dev eth0
    ip -n $n link set eth0 up
    ip -n $n route add default via $net.1
done
for isp in isp1 isp2; do for k in 1 2 3 4 5; do ip -n $isp addr add 198.51.100.$k/32 dev lo; done; done
X router sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratemask=0

# one table a provider, main has no default route at all
ip -n router route add default via 203.0.111.10 table 101
ip -n router route add default via 203.0.112.10 table 102
ip -n router rule add from 192.168.2.0/24 lookup 102 priority 100
ip -n router rule add to 198.51.100.2/32 lookup 102 pref 90
ip -n router rule add fwmark 0x7/0xf table 102 pref 95
ip -n router rule add iif lan1 to 198.51.100.4 pref 80 prohibit
ip -n router rule add iif lan1 to 198.51.100.5 pref 81 unreachable
ip -n router rule add not from 192.168.2.0/24 table 101 pref 32000
ip -n router rule add table main suppress_prefixlength 0 pref 50
X router iptables -t mangle -A PREROUTING -d 198.51.100.3 -j MARK --set-mark 0x17
ip -n router rule
ip -n router route show table 101

for n in lan1 lan2; do X $n ping -c 1 -W 1 198.51.100.1; done
for k in 2 3 4 5; do X lan1 ping -c 1 -W 0.5 198.51.100.$k || true; done

# the same question asked in words
ip -n router route get 198.51.100.1 from 192.168.1.10 iif lan1
ip -n router route get 198.51.100.1 from 192.168.2.10 iif lan2
ip -n router route get 198.51.100.3 from 192.168.1.10 iif lan1 mark 7
ip -n router route get 198.51.100.1 mark 0x27
ip -n router route get 198.51.100.4 from 192.168.1.10 iif lan1 || echo "status $?"
ip -n router route get 198.51.100.1

# rules go by number, by words, and all at once
ip -n router rule del pref 90
ip -n router rule del from 192.168.2.0/24 lookup 102
ip -n router rule del pref 90 || echo "status $?"
ip -n router rule add from 192.168.2.0/24 lookup 102
ip -n router rule add from 192.168.2.0/24 lookup 102 || echo "status $?"
ip -n router rule show
ip -n router rule flush          # only `local` is left, which knows no way out
ip -n router rule show
ip -n router route get 203.0.112.10 || echo "status $?"
X lan1 ping -c 1 -W 0.5 198.51.100.1 || true
