"""The rules of one service port, word by word (kubernetes-facts 1.4)."""

from emu.k8s.objects import LOCAL, Endpoint, EndpointPort, EndpointSlice, Node, Service, ServicePort
from emu.k8s.proxy.endpoints import categorize, endpoints_of_port
from emu.k8s.proxy.rules import Detector, PortWriter, detect_by_cidr, probability

NODE = Node("node1", "192.168.0.2", "10.0.1.0/24")
SVC, SEP = "KUBE-SVC-XPGD46QRK7WJZT7O", "KUBE-SEP-SXIVWICOYRO3J4NJ"
CLUSTER = detect_by_cidr("10.0.0.0/8")
HERE, AWAY = Endpoint("10.180.0.1", "node1"), Endpoint("10.180.2.1", "node2")


def write(*endpoints, detector=CLUSTER, node_port=0, masquerade_all=False, large=False, **fields):
    port = ServicePort(80, 80, "TCP", "p80", node_port)
    service = Service("svc1", "ns1", (port,), {"a": "b"}, fields.pop("type", "ClusterIP"), "172.30.0.41", **fields)
    piece = EndpointSlice("s", "ns1", "svc1", (EndpointPort("p80", 80),), endpoints)
    usable = categorize(endpoints_of_port([piece], port), service, port, NODE)
    return PortWriter(service, port, usable, detector, masquerade_all, NODE.ip, large).write()


def test_a_cluster_ip_with_one_endpoint():
    rules = write(HERE)
    assert rules.nat_services == [f'-A KUBE-SERVICES -m comment --comment "ns1/svc1:p80 cluster IP" -m tcp -p tcp -d 172.30.0.41 --dport 80 -j {SVC}']
    assert rules.chain_rules == [
        f'-A {SVC} -m comment --comment "ns1/svc1:p80 cluster IP" -m tcp -p tcp -d 172.30.0.41 --dport 80 ! -s 10.0.0.0/8 -j KUBE-MARK-MASQ',
        f'-A {SVC} -m comment --comment "ns1/svc1:p80 -> 10.180.0.1:80" -j {SEP}',
        f"-A {SEP} -m comment --comment ns1/svc1:p80 -s 10.180.0.1 -j KUBE-MARK-MASQ",
        f"-A {SEP} -m comment --comment ns1/svc1:p80 -m tcp -p tcp -j DNAT --to-destination 10.180.0.1:80",
    ]
    assert rules.chains == [SVC, SEP]
    assert not rules.filter_services + rules.filter_external


def test_the_chances_of_three_endpoints():
    rules = write(HERE, AWAY, Endpoint("10.180.3.1", "node3"))
    chances = [rule.partition("--probability ")[2].partition(" ")[0] for rule in rules.chain_rules if "->" in rule]
    assert chances == ["0.3333333333", "0.5000000000", ""]
    assert probability(100001) == "0.0000099999"


def test_affinity_asks_recent_first_and_records_last():
    rules = write(HERE, session_affinity_seconds=10800)
    arrow = '-m comment --comment "ns1/svc1:p80 -> 10.180.0.1:80"'
    assert rules.chain_rules[1] == f"-A {SVC} {arrow} -m recent --name {SEP} --rcheck --seconds 10800 --reap -j {SEP}"
    recent = f"-m recent --name {SEP} --set"
    assert rules.chain_rules[-1] == f"-A {SEP} -m comment --comment ns1/svc1:p80 {recent} -m tcp -p tcp -j DNAT --to-destination 10.180.0.1:80"


def test_no_endpoints_are_refused_everywhere():
    rules = write(node_port=3001, type="LoadBalancer", lb_ips=("1.2.3.4",), external_ips=("192.168.99.11",))
    text = '-m comment --comment "ns1/svc1:p80 has no endpoints"'
    assert rules.filter_services == [f"-A KUBE-SERVICES {text} -m tcp -p tcp -d 172.30.0.41 --dport 80 -j REJECT"]
    assert rules.filter_external == [
        f"-A KUBE-EXTERNAL-SERVICES {text} -m tcp -p tcp -d 192.168.99.11 --dport 80 -j REJECT",
        f"-A KUBE-EXTERNAL-SERVICES {text} -m tcp -p tcp -d 1.2.3.4 --dport 80 -j REJECT",
        f"-A KUBE-EXTERNAL-SERVICES {text} -m addrtype --dst-type LOCAL -m tcp -p tcp --dport 3001 -j REJECT",
    ]
    assert not rules.chains
    assert not rules.nat_services + rules.nat_nodeports


def test_internal_local_without_a_local_endpoint_drops():
    rules = write(AWAY, internal_traffic_policy=LOCAL)
    text = '-m comment --comment "ns1/svc1:p80 has no local endpoints"'
    assert rules.filter_services == [f"-A KUBE-SERVICES {text} -m tcp -p tcp -d 172.30.0.41 --dport 80 -j DROP"]


def test_a_node_port_under_policy_cluster_masquerades():
    rules = write(HERE, node_port=3001, type="NodePort")
    ext = "KUBE-EXT-XPGD46QRK7WJZT7O"
    assert rules.nat_nodeports == [f"-A KUBE-NODEPORTS -m comment --comment ns1/svc1:p80 -m tcp -p tcp --dport 3001 -j {ext}"]
    assert rules.chain_rules[1:3] == [
        f'-A {ext} -m comment --comment "masquerade traffic for ns1/svc1:p80 external destinations" -j KUBE-MARK-MASQ', f"-A {ext} -j {SVC}",
    ]  # fmt: skip


def test_policy_local_short_circuits_pods_and_the_node_and_drops_the_rest():
    rules = write(AWAY, node_port=3001, type="NodePort", external_traffic_policy=LOCAL)
    ext = "KUBE-EXT-XPGD46QRK7WJZT7O"
    assert [rule for rule in rules.chain_rules if rule.startswith(f"-A {ext}")] == [
        f'-A {ext} -m comment --comment "pod traffic for ns1/svc1:p80 external destinations" -s 10.0.0.0/8 -j {SVC}',
        f'-A {ext} -m comment --comment "masquerade LOCAL traffic for ns1/svc1:p80 external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ',
        f'-A {ext} -m comment --comment "route LOCAL traffic for ns1/svc1:p80 external destinations" -m addrtype --src-type LOCAL -j {SVC}',
    ]
    assert rules.filter_external == [
        '-A KUBE-EXTERNAL-SERVICES -m comment --comment "ns1/svc1:p80 has no local endpoints" -m addrtype --dst-type LOCAL -m tcp -p tcp --dport 3001 -j DROP'
    ]


def test_policy_local_with_a_local_endpoint_uses_the_svl_chain():
    rules = write(HERE, AWAY, node_port=3001, type="NodePort", external_traffic_policy=LOCAL)
    assert "-A KUBE-EXT-XPGD46QRK7WJZT7O -j KUBE-SVL-XPGD46QRK7WJZT7O" in rules.chain_rules
    assert f'-A KUBE-SVL-XPGD46QRK7WJZT7O -m comment --comment "ns1/svc1:p80 -> 10.180.0.1:80" -j {SEP}' in rules.chain_rules


def test_source_ranges_write_a_firewall_chain_and_a_drop():
    rules = write(HERE, node_port=3001, type="LoadBalancer", lb_ips=("1.2.3.4",), source_ranges=("192.168.0.0/24", "203.0.113.0/25"))
    fw, ext = "KUBE-FW-XPGD46QRK7WJZT7O", "KUBE-EXT-XPGD46QRK7WJZT7O"
    note = '-m comment --comment "ns1/svc1:p80 loadbalancer IP"'
    assert [rule for rule in rules.chain_rules if rule.startswith(f"-A {fw}")] == [
        f"-A {fw} {note} -s 192.168.0.0/24 -j {ext}", f"-A {fw} {note} -s 203.0.113.0/25 -j {ext}", f"-A {fw} {note} -s 1.2.3.4 -j {ext}",
        f'-A {fw} -m comment --comment "other traffic to ns1/svc1:p80 will be dropped by KUBE-PROXY-FIREWALL"',
    ]  # fmt: skip
    text = f'-m comment --comment "ns1/svc1:p80 traffic not accepted by {fw}"'
    assert rules.filter_firewall == [f"-A KUBE-PROXY-FIREWALL {text} -m tcp -p tcp -d 1.2.3.4 --dport 80 -j DROP"]
    open_to_all = write(HERE, node_port=3001, type="LoadBalancer", lb_ips=("1.2.3.4",), source_ranges=("192.168.0.0/24", "0.0.0.0/0"))
    assert not open_to_all.filter_firewall
    assert fw not in open_to_all.chains


def test_the_health_check_port_is_accepted():
    rules = write(AWAY, node_port=3001, type="LoadBalancer", lb_ips=("1.2.3.4",), external_traffic_policy=LOCAL, health_check_node_port=30000)
    assert rules.filter_nodeports == ['-A KUBE-NODEPORTS -m comment --comment "ns1/svc1:p80 health check node port" -m tcp -p tcp --dport 30000 -j ACCEPT']


def test_without_a_detector_nothing_is_marked_and_masquerade_all_marks_everything():
    assert not any("KUBE-MARK-MASQ" in rule and "cluster IP" in rule for rule in write(HERE, detector=Detector()).chain_rules)
    marked = write(HERE, masquerade_all=True).chain_rules[0]
    assert marked.endswith("-d 172.30.0.41 --dport 80 -j KUBE-MARK-MASQ")


def test_large_clusters_leave_comments_out():
    rules = write(HERE, large=True)
    assert rules.chain_rules[1:] == [
        f"-A {SVC} -j {SEP}", f"-A {SEP} -s 10.180.0.1 -j KUBE-MARK-MASQ", f"-A {SEP} -m tcp -p tcp -j DNAT --to-destination 10.180.0.1:80",
    ]  # fmt: skip
