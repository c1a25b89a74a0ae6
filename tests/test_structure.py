"""The layers are a test: every file of emu/ is parsed, and what it imports and calls is held against the tables below.

A row that turns out wrong is changed here with a reason. Imports count wherever they stand: at the top, in a function, under TYPE_CHECKING.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What each package may import of emu, directly. A package may always import itself.
# `emu/__init__.py` re-exports the public API and counts as `lab`, `emu/__main__.py` as `cli`.
TABLE: dict[str, str] = {
    "sim": "",
    "wire": "",
    "pcap": "wire",
    "tcp": "",
    "trace": "wire",
    "net": "sim wire tcp trace",
    "fabric": "sim wire trace net",
    "iproute": "sim wire trace net fabric",  # trace: commands are told to the journal
    "aio": "sim wire net",
    "apps": "sim wire pcap trace net aio",
    "k8s": "sim trace fabric iproute aio apps",  # trace: the journal; it only configures: no wire and no net, so it cannot touch a frame
    "observe": "sim wire pcap trace",
    "lab": "sim wire pcap tcp trace net fabric iproute aio apps k8s observe",
    "shell": "sim wire pcap tcp trace net fabric iproute aio apps k8s observe lab",
    "scenarios": "sim wire pcap tcp trace net fabric iproute aio apps k8s observe lab",
    "cli": "sim wire pcap tcp trace net fabric iproute aio apps k8s observe lab shell scenarios",
}

REAL_WORLD = ("shell", "cli")  # these alone may read the clock, start processes and threads; a scenario runs in virtual time like all below
ASYNCIO = ("aio", "apps", "k8s", "observe", "lab", "shell", "scenarios", "cli")
# scapy: `wire` builds the frame class on it; above the data path it may be imported in functions only (0.3 s at start-up); else never:
# what the stack needs built or parsed, `wire` does from bytes.
SCAPY_ANYWHERE = ("wire",)
SCAPY_LAZILY = ("apps", "observe", "lab", "shell", "scenarios", "cli")

# Names that read the real clock, draw unseeded numbers or leave the one thread. `time.*` stands for all names in the module.
BANNED: dict[str, str] = {
    **{f"time.{name}{ns}": "the wall clock" for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time") for ns in ("", "_ns")},
    **{f"time.{name}": "the wall clock" for name in ("sleep", "clock_gettime", "clock_gettime_ns")},
    **{f"datetime.datetime.{name}": "the wall clock" for name in ("now", "utcnow", "today")},
    "datetime.date.today": "the wall clock",
    "random.*": "unseeded randomness (draw from a named stream of sim)",
    "secrets.*": "unseeded randomness",
    "os.urandom": "unseeded randomness",
    "os.getrandom": "unseeded randomness",
    "uuid.*": "unseeded randomness",
    "threading.*": "threads",
    "_thread.*": "threads",
    "multiprocessing.*": "processes",
    "concurrent.*": "threads",
    "subprocess.*": "processes",
    "os.fork": "processes",
    "os.system": "processes",
    "os.popen": "processes",
}
MAX_LINES = 400
TOP_LEVEL = ("pyproject.toml", "README.md", "emu", "captures", "tests", "tools")  # and dot-files

# Calls that take a set and do not show its order.
ORDERLESS = ("sorted", "len", "sum", "min", "max", "any", "all", "set", "frozenset", "bool", "isinstance")
# Calls that walk through their arguments in order.
WALKS = ("list", "tuple", "iter", "next", "enumerate", "zip", "map", "filter", "reversed", "dict", "bytes", "bytearray", "deque")
SET_METHODS = ("union", "intersection", "difference", "symmetric_difference")


def package_of(path: str) -> str:
    """The row of a file: `emu/net/fib.py` is `net`."""
    parts = path.split("/")
    if len(parts) > 2:
        return parts[1]
    return {"__init__.py": "lab", "__main__.py": "cli"}.get(parts[1], parts[1].removesuffix(".py"))


class Checker(ast.NodeVisitor):
    """Walks one file and collects `(line, rule)`."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        self.package = package_of(path)
        self.allowed = set(TABLE[self.package].split()) | {self.package}
        self.found: list[tuple[int, str]] = []
        self.names: dict[str, str] = {}  # local name -> what it stands for: {"monotonic": "time.monotonic"}
        self.depth = 0  # of functions and `if TYPE_CHECKING`, where an import costs nothing at start-up
        self.sets: list[set[str]] = [set_names(tree)]
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self.names |= {a.asname or a.name.split(".")[0]: a.name if a.asname else a.name.split(".")[0] for a in node.names}
            elif isinstance(node, ast.ImportFrom):
                self.names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        self.visit(tree)

    def flag(self, node: ast.AST, rule: str) -> None:
        self.found.append((getattr(node, "lineno", 1), rule))

    # -- imports

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.imported(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level:
            self.flag(node, "a relative import; write the path from emu in full")
        for alias in node.names:
            self.imported(node, f"{node.module}.{alias.name}")

    def imported(self, node: ast.AST, name: str) -> None:
        top, *rest = name.split(".")
        if top == "emu":
            target = rest[0] if rest and rest[0] in TABLE else "lab"
            if target not in self.allowed:
                self.flag(node, f"`{self.package}` may not import `{target}`")
        elif top == "scapy":
            if name.startswith("scapy.all"):
                self.flag(node, "scapy.all takes over a second to import; import the layers that are used")
            if self.package not in SCAPY_ANYWHERE + SCAPY_LAZILY:
                self.flag(node, f"`{self.package}` may not import scapy; `wire` does")
            elif self.package in SCAPY_LAZILY and not self.depth:
                self.flag(node, f"`{self.package}` may import scapy inside functions only")
        elif top == "asyncio" and self.package not in ASYNCIO:
            self.flag(node, f"`{self.package}` may not import asyncio")
        else:
            self.used(node, name)

    # -- names

    def used(self, node: ast.AST, name: str) -> None:
        """`name` is a dotted name, as imported or as used through an imported module."""
        if self.package in REAL_WORLD or name in ("random", "random.Random"):
            return
        top = name.split(".", 1)[0]
        why = BANNED.get(name) or BANNED.get(f"{top}.*")
        if why is not None:
            self.flag(node, f"`{self.package}` may not use {name}: {why}")

    def dotted(self, node: ast.expr) -> str | None:
        """What an expression names: `m.now` is `datetime.datetime.now` after `from datetime import datetime as m`."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute) and (base := self.dotted(node.value)) is not None:
            return f"{base}.{node.attr}"
        return None

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if (name := self.dotted(node)) is not None:
            self.used(node, name)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        typing_only = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        self.depth += typing_only
        self.generic_visit(node)
        self.depth -= typing_only

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.depth += 1
        self.sets.append(set_names(node))
        self.generic_visit(node)
        self.sets.pop()
        self.depth -= 1

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    # -- the order of sets

    def is_set(self, node: ast.expr) -> bool:
        if is_set_expression(node):
            return True
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.BitAnd | ast.BitOr | ast.BitXor):
            return self.is_set(node.left) or self.is_set(node.right) or is_keys(node.left) or is_keys(node.right)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SET_METHODS:
            return self.is_set(node.func.value)
        name = variable(node)
        return name is not None and any(name in scope for scope in self.sets)

    def walked(self, node: ast.expr) -> None:
        if self.is_set(node):
            self.flag(node, "the order of a set is not the same in every run: iterate a list or a dict, or sorted(...)")

    def visit_For(self, node: ast.For) -> None:
        self.walked(node.iter)
        self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> None:
        self.walked(node.value)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.walked(node.iter)
        self.generic_visit(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        """A set made of a set: the order is not seen."""
        for generator in node.generators:
            self.visit(generator.iter)
            for condition in generator.ifs:
                self.visit(condition)
        self.visit(node.elt)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if self.dotted(node.func) == "random.Random" and not node.args and self.package not in REAL_WORLD:
            self.flag(node, f"`{self.package}` may not use random.Random() without a seed")
        if name == "__import__" or self.dotted(node.func) == "importlib.import_module":
            if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                self.imported(node, node.args[0].value)
        if name in ORDERLESS and len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
            self.visit_SetComp(node.args[0])  # type: ignore[arg-type]  # the same fields
            return
        joins = isinstance(node.func, ast.Attribute) and node.func.attr in ("join", "extend", "writelines", "fromkeys")
        if name in WALKS or joins:
            for argument in node.args:
                self.walked(argument)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "pop" and not node.args and self.is_set(node.func.value):
            self.walked(node.func.value)
        self.generic_visit(node)


def is_set_expression(node: ast.expr) -> bool:
    call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")
    return call or isinstance(node, ast.Set | ast.SetComp)


def is_keys(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("keys", "items")


def variable(node: ast.expr) -> str | None:
    """`x` or `self.x`, as the text that names it."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return f"self.{node.attr}"
    return None


def set_names(scope: ast.AST) -> set[str]:
    """Variables that a scope makes sets of: assigned from a set expression or annotated so. A file's scope has its constants and every `self.x`."""
    found: set[str] = set()
    body = list(ast.walk(scope))
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = scope.args.posonlyargs + scope.args.args + scope.args.kwonlyargs
        found |= {a.arg for a in arguments if a.annotation is not None and is_set_annotation(a.annotation)}
    for node in body:
        if isinstance(node, ast.AnnAssign):
            targets, is_one = [node.target], is_set_annotation(node.annotation)
        elif isinstance(node, ast.Assign):
            targets, is_one = node.targets, is_set_expression(node.value)
        else:
            continue
        names = [name for target in targets if (name := variable(target)) is not None] if is_one else []
        if isinstance(scope, ast.Module):
            names = [name for name in names if name.startswith("self.") or node in scope.body]
        found |= set(names)
    return found


def is_set_annotation(node: ast.expr) -> bool:
    base = node.value if isinstance(node, ast.Subscript) else node
    return isinstance(base, ast.Name) and base.id in ("set", "frozenset", "AbstractSet")


def violations(path: str, source: str) -> list[str]:
    """What a file does that it may not: `emu/net/fib.py:12: rule`. `path` is from the top of the checkout."""
    found: list[tuple[int, str]] = []
    name = path.rsplit("/", 1)[-1]
    if name in ("utils.py", "util.py"):
        found.append((1, f"no {name}: name the file after its subject"))
    if (lines := source.count("\n")) > MAX_LINES:
        found.append((lines, f"{lines} lines; a file has one subject and at most {MAX_LINES}"))
    if package_of(path) not in TABLE:
        found.append((1, f"`{package_of(path)}` has no row in the import table"))
    else:
        found += Checker(path, ast.parse(source, path)).found
    return [f"{path}:{line}: {rule}" for line, rule in sorted(set(found))]


def python_files() -> Iterator[Path]:
    yield from sorted(path for path in (ROOT / "emu").rglob("*.py"))


def test_emu_keeps_to_its_layers() -> None:
    files = list(python_files())
    assert files
    found = [line for path in files for line in violations(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))]
    assert not found, "\n" + "\n".join(found)


def test_the_top_level_holds_only_what_it_should() -> None:
    listed = subprocess.run(["git", "-c", "safe.directory=*", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0].strip('"') for line in listed.stdout.splitlines()}
    assert sorted(name for name in top if name not in TOP_LEVEL and not name.startswith(".")) == []


# -- the checker itself: (file, source, what it must say); and what it must let pass

CAUGHT = [
    ("emu/wire/frame.py", "import emu.net.skb", "`wire` may not import `net`"),
    ("emu/wire/frame.py", "from emu.net import skb", "`wire` may not import `net`"),
    ("emu/net/fib.py", "from emu import fabric", "`net` may not import `fabric`"),
    ("emu/net/fib.py", "def f():\n    from emu.k8s.cni import attach", "`net` may not import `k8s`"),
    ("emu/net/fib.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import emu.aio", "`net` may not import `aio`"),
    ("emu/net/fib.py", "from emu import Cluster", "`net` may not import `lab`"),
    ("emu/net/fib.py", "import importlib\nimportlib.import_module('emu.lab.cluster')", "`net` may not import `lab`"),
    ("emu/net/fib.py", "from importlib import import_module as load\nload('emu.lab')", "`net` may not import `lab`"),
    ("emu/k8s/cni.py", "from emu.wire.addr import ip", "`k8s` may not import `wire`"),
    ("emu/k8s/cni.py", "import emu.net", "`k8s` may not import `net`"),
    ("emu/scenarios/tour.py", "from emu.shell import run", "`scenarios` may not import `shell`"),
    ("emu/__init__.py", "from emu.cli import main", "`lab` may not import `cli`"),
    ("emu/net/fib.py", "from . import skb", "relative import"),
    ("emu/net/fib.py", "import asyncio", "`net` may not import asyncio"),
    ("emu/fabric/world.py", "def f():\n    from asyncio import sleep", "`fabric` may not import asyncio"),
    ("emu/net/icmp.py", "def f():\n    from scapy.layers.inet import ICMP", "`net` may not import scapy"),
    ("emu/apps/dns.py", "from scapy.layers.dns import DNS", "inside functions only"),
    ("emu/wire/frame.py", "from scapy.all import Ether", "scapy.all takes over a second"),
    ("emu/sim/loop.py", "import time\ntime.time()", "time.time: the wall clock"),
    ("emu/sim/loop.py", "import time as t\nf = t.monotonic_ns", "time.monotonic_ns"),
    ("emu/sim/loop.py", "from time import perf_counter", "time.perf_counter"),
    ("emu/lab/run.py", "from datetime import datetime\ndatetime.now()", "datetime.datetime.now"),
    ("emu/lab/run.py", "import datetime\ndatetime.datetime.utcnow()", "datetime.datetime.utcnow"),
    ("emu/lab/run.py", "import datetime as d\nd.date.today()", "datetime.date.today"),
    ("emu/net/tcp.py", "import random\nrandom.randrange(5)", "random.randrange: unseeded"),
    ("emu/net/tcp.py", "from random import choice", "random.choice: unseeded"),
    ("emu/net/tcp.py", "import random\nr = random.Random()", "random.Random() without a seed"),
    ("emu/net/tcp.py", "from random import Random\nr = Random()", "random.Random() without a seed"),
    ("emu/net/tcp.py", "import random\nr = random.SystemRandom()", "random.SystemRandom"),
    ("emu/net/tcp.py", "import secrets", "secrets"),
    ("emu/net/tcp.py", "import os\nos.urandom(4)", "os.urandom"),
    ("emu/k8s/api.py", "from uuid import uuid4", "uuid"),
    ("emu/aio/loop.py", "import threading", "threads"),
    ("emu/aio/loop.py", "from concurrent.futures import ThreadPoolExecutor", "threads"),
    ("emu/lab/run.py", "import multiprocessing.pool", "processes"),
    ("emu/scenarios/tour.py", "import subprocess", "processes"),
    ("emu/net/fdb.py", "for x in {1, 2}:\n    pass", "order of a set"),
    ("emu/net/fdb.py", "y = [x for x in set('ab')]", "order of a set"),
    ("emu/net/fdb.py", "y = list(frozenset('ab'))", "order of a set"),
    ("emu/net/fdb.py", "y = ','.join({'a', 'b'})", "order of a set"),
    ("emu/net/fdb.py", "def f(a, b):\n    for x in a.keys() - b:\n        print(x)", "order of a set"),
    ("emu/net/fdb.py", "def f(seen: set[int]):\n    return [x for x in seen]", "order of a set"),
    ("emu/net/fdb.py", "def f():\n    seen = set()\n    for x in seen | {1}:\n        pass", "order of a set"),
    ("emu/net/fdb.py", "class A:\n    def __init__(self):\n        self.s: set[int] = set()\n    def f(self):\n        print(*self.s)", "order of a set"),
    ("emu/net/fdb.py", "SEEN = {1, 2}\ndef f():\n    return next(iter(SEEN))", "order of a set"),
    ("emu/net/fdb.py", "\n" * 401, "401 lines"),
    ("emu/net/utils.py", "", "no utils.py"),
    ("emu/extra/a.py", "", "`extra` has no row"),
]
PASSED = [
    ("emu/net/fib.py", "import emu.net.skb\nfrom emu.wire.addr import ip\nfrom emu.trace import reasons"),
    ("emu/__init__.py", "from emu.lab.cluster import Cluster\nfrom emu.observe import ledger"),
    ("emu/__main__.py", "from emu.cli import main"),
    ("emu/scenarios/tour.py", "from emu import Cluster\nfrom emu.lab import pods"),
    ("emu/cli/progress.py", "import time, threading\nfrom emu.shell import sh\ntime.monotonic()"),
    ("emu/shell/sh.py", "import subprocess, asyncio, time\ntime.sleep(1)"),
    ("emu/aio/loop.py", "import asyncio"),
    ("emu/wire/frame.py", "from scapy.layers.l2 import Ether"),
    ("emu/lab/send.py", "def f():\n    from scapy.layers.l2 import Ether\n    return Ether"),
    ("emu/sim/loop.py", "import random\ndef stream(seed: str):\n    return random.Random(seed)"),
    ("emu/pcap/writer.py", "import time, datetime\nprint(time.gmtime(0), datetime.datetime.fromtimestamp(0))"),
    ("emu/net/fdb.py", "class A:\n    def time(self):\n        return self.time()"),
    ("emu/net/fdb.py", "seen = {1, 2}\nif 3 in seen:\n    print(sorted(seen), len(seen), any(x > 1 for x in seen), {x + 1 for x in seen})"),
    ("emu/net/fdb.py", "def f(a, b):\n    for x in a.keys():\n        print([y for y in {1: 2}], x - b)"),
]


@pytest.mark.parametrize(("path", "source", "rule"), CAUGHT)
def test_the_checker_catches(path: str, source: str, rule: str) -> None:
    found = violations(path, source)
    assert len(found) >= 1
    assert all(line.startswith(f"{path}:") for line in found)
    assert any(rule in line for line in found), found


@pytest.mark.parametrize(("path", "source"), PASSED)
def test_the_checker_lets_pass(path: str, source: str) -> None:
    assert violations(path, source) == []


def test_a_violation_names_file_line_and_rule() -> None:
    assert violations("emu/tcp/machine.py", "\n\nimport emu.sim\n") == ["emu/tcp/machine.py:3: `tcp` may not import `sim`"]
