"""Every script does in the emulator what it did on the kernel when it was recorded; and, as root, what a few of them do there now."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

import pytest

from tests.parity import kernel
from tests.parity.judge import Verdict
from tests.parity.known import Known
from tests.parity.known import load as load_known
from tests.parity.pool import Pool
from tests.parity.script import FOLDER, load

PATHS = {path.stem: path for path in sorted(FOLDER.glob("*.sh"))}
QUICK = (
    "arp-ask-and-answer", "arp-notify", "bridge-learning", "brnf-on-and-off", "frag-forward", "icmp-ttl", "ip-batch", "iptables-chain-order",
    "iptables-marks", "iptables-restore", "k8s-ping-cluster-ip", "nat-dnat", "nat-redirect", "nat-snat", "route-lpm", "route-rules-goto",
    "route-secondary", "tcp-connect", "tcp-refused", "vxlan-flannel",
)  # fmt: skip
# thousands of frames each; tests.kernel holds the same stories against the kernel every time
LONG = ("story-pod-to-service", "story-pod-to-pod-cross-node", "story-internet-to-service", "story-pod-restart")
# what goes wrong in Kubernetes networks and must come out as on the kernel, by its row in the list of gotchas
GOTCHAS = {*range(1, 7), 8, 10, 13, 15, 16, 18, 19, 20, 21, 22, *range(28, 35), 41}


@pytest.fixture(scope="module")
def known() -> Known:
    return load_known()


def unlisted(verdict: Verdict, known: Known) -> list[str]:
    lines = list(verdict.complaints)
    for difference in verdict.comparison.differences:
        if known.entry(verdict.name, difference) is None:
            lines += [f"{difference.where} (- kernel, + emulator)", *difference.lines]
    return lines


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in PATHS])
def test_the_emulator_does_what_the_kernel_did(name: str, recorded: Pool, known: Known) -> None:
    verdict = recorded.verdict(name)
    if wrong := unlisted(verdict, known):
        pytest.fail("\n".join(wrong), pytrace=False)
    used = {known.entry(name, difference) for difference in verdict.comparison.differences}
    assert known.stale([name], {number for number in used if number is not None}, everything=False) == []


@pytest.mark.root
@pytest.mark.parametrize("name", QUICK)
def test_the_kernel_still_does_it(name: str, asked: Callable[[], Pool], known: Known) -> None:
    if absent := kernel.missing(load(PATHS[name])):
        pytest.skip(f"needs {', '.join(absent)} (not installed)")
    if wrong := unlisted(asked().verdict(name), known):
        pytest.fail("\n".join(wrong), pytrace=False)


def test_the_quick_ones_are_few_and_say_so() -> None:
    assert len(QUICK) <= 20
    assert [name for name in QUICK if not load(PATHS[name]).quick] == []


def test_known_differences_name_scripts_and_tests_that_exist(known: Known) -> None:
    for entry in known.entries:
        assert any(fnmatchcase(name, entry.script) for name in PATHS), entry.script
    for elsewhere in known.elsewhere:
        path, _, function = elsewhere.test.partition("::")
        assert f"def {function}(" in (FOLDER.parents[1] / path).read_text(), elsewhere.test


def test_no_golden_is_left_of_a_script_that_is_gone() -> None:
    assert {path.stem for path in (FOLDER / "golden").glob("*")} - set(PATHS) == set()


def test_every_gotcha_has_a_script_or_says_why_not(known: Known) -> None:
    told = {gotcha for path in PATHS.values() for gotcha in load(path).gotchas} | {elsewhere.gotcha for elsewhere in known.elsewhere}
    assert {row for row in GOTCHAS if str(row) not in told} == set()
