# A web server's pages: one that is there, its head, one that is not; and curl at a server that ends its page by closing.
# expect: status 0
# expect: output ^HTTP/1.0 200 OK
# expect: output ^hello$
# expect: output ^HTTP/1.0 404 File not found
# expect: output ^by hand$
# expect: output ^200 8$
# expect: server.eth0 tx tcp 80>p\d PA = 5
# expect: client.eth0 tx tcp p4>8080 PA seq 1 ack 1 .* data 78 = 1
# needs: curl nc python3
set -e
ip netns add client
ip netns add server
ip link add eth0 netns client type veth peer name eth0 netns server
ip -n client addr add 10.0.0.1/24 dev eth0
ip -n server addr add 10.0.0.2/24 dev eth0
ip -n client link set eth0 up
ip -n server link set eth0 up
sleep 0.2
mkdir www
echo hello > www/page
ip netns exec server python3 -m http.server 80 --directory www > /dev/null 2>&1 &
server=$!
sleep 1.5
for request in 'GET /page' 'HEAD /page' 'GET /nothing'; do
    printf "$request HTTP/1.0\r\n\r\n" | ip netns exec client nc 10.0.0.2 80 | tr -d '\r' | grep -v '^[DS]'
done
kill $server
rm -r www
printf 'HTTP/1.0 200 OK\r\n\r\nby hand\n' > answer
{ sleep 0.6; cat answer; } | ip netns exec server nc -l -N 8080 > /dev/null &
sleep 0.3
ip netns exec client curl -s -w '%{http_code} %{size_download}\n' http://10.0.0.2:8080/x
wait
rm answer
