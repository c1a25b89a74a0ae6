ip link set lo up
show() { echo "== $*"; "$@"; echo "status $?"; }
show socat
show socat -
show socat - TCP:127.0.0.1:81
show socat - BOGUS:1
show socat - TCP:127.0.0.1
socat TCP-LISTEN:9000,fork,reuseaddr EXEC:cat & sleep 0.5
show socat TCP-LISTEN:9000 -
show socat - TCP:127.0.0.1:9000,bogus=1
echo hello | show socat - TCP:127.0.0.1:9000
echo hello | show socat -t 2 STDIO TCP4:127.0.0.1:9000,sourceport=4000
socat -u TCP-LISTEN:9001,reuseaddr STDOUT & sleep 0.5
echo one | show socat -u - TCP:127.0.0.1:9001
sleep 0.5
socat TCP-LISTEN:9002,fork,reuseaddr SYSTEM:'echo hi' & sleep 0.5
show socat -T 1 - TCP:127.0.0.1:9002 < /dev/null
socat -u UDP-RECV:5000 - & sleep 0.5
echo datagram | show socat - UDP-SENDTO:127.0.0.1:5000
sleep 0.3
socat UDP-LISTEN:5001,fork EXEC:cat & sleep 0.5
echo again | show socat - UDP:127.0.0.1:5001
socat UDP-RECVFROM:5002,fork EXEC:'echo pong' & sleep 0.5
echo ping | show socat - UDP:127.0.0.1:5002
echo nobody | show socat - UDP:127.0.0.1:5999
socat -u TCP-LISTEN:9003 CREATE:received & sleep 0.5
echo into a file | show socat - TCP:127.0.0.1:9003
sleep 0.3
cat received
rm received
