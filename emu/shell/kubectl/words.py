"""kubectl's command line: flags anywhere, `--name=value`, `--name value`, `-n value`."""

from __future__ import annotations

from dataclasses import dataclass, field

from emu.k8s.objects import KubernetesError

SHORT = {
    "n": "namespace", "o": "output", "l": "selector", "f": "filename", "A": "all-namespaces", "c": "container", "i": "stdin", "t": "tty", "w": "watch",
    "R": "recursive", "p": "previous", "k": "kustomize",
}  # fmt: skip
VALUES = (
    "namespace", "output", "selector", "filename", "container", "replicas", "timeout", "image", "port", "target-port", "name", "type", "restart", "labels",
    "grace-period", "for", "protocol", "env", "tail", "cluster-ip", "external-ip", "session-affinity", "overrides", "field-selector", "sort-by", "since",
    "dry-run", "revision", "to-revision", "cascade", "kustomize", "current-replicas", "tcp", "rule", "class", "context", "load-balancer-ip", "command-timeout",
)  # fmt: skip
SWITCHES = (
    "all-namespaces", "all", "show-labels", "no-headers", "stdin", "tty", "watch", "force", "wait", "now", "ignore-not-found", "overwrite", "recursive", "rm",
    "command", "expose", "current", "ignore-daemonsets", "delete-emptydir-data", "quiet", "attach", "server-side", "validate", "record", "previous", "follow",
)  # fmt: skip
REPEATED = ("filename", "env")


@dataclass(slots=True)
class Words:
    """`rest`: what is no flag; `command`: what stands behind `--`, None if there is none."""

    flags: dict[str, str] = field(default_factory=dict)
    many: dict[str, list[str]] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)
    command: list[str] | None = None

    def has(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.flags.get(name, "false") not in ("false", "")

    def get(self, name: str, default: str = "") -> str:
        """A flag's value."""
        return self.flags.get(name, default)

    def whole(self, name: str, default: int) -> int:
        """A flag's number. Raises KubernetesError."""
        text = self.flags.get(name)
        if text is None:
            return default
        if not text.lstrip("-").isdigit():
            raise KubernetesError(f'error: invalid argument "{text}" for "--{name}" flag: strconv.ParseInt: parsing "{text}": invalid syntax')
        return int(text)


def parse(words: list[str]) -> Words:
    """The command line behind the verb. Raises KubernetesError for a flag that is not known."""
    found = Words()
    rest = iter(words)
    for word in rest:
        if word == "--":
            found.command = list(rest)
            break
        if not word.startswith("-") or word == "-":
            found.rest.append(word)
            continue
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            _take(found, name, value if equals else None, rest, word)
            continue
        letters = word[1:]
        while letters:
            short = SHORT.get(letters[0])
            if short is None:
                raise KubernetesError(f"error: unknown shorthand flag: '{letters[0]}' in {word}")
            letters = letters[1:]
            if short in VALUES:
                _take(found, short, letters.removeprefix("=") if letters else None, rest, word)
                break
            found.flags[short] = "true"
    return found


def _take(found: Words, name: str, value: str | None, rest: object, word: str) -> None:
    if name in SWITCHES:
        found.flags[name] = value if value is not None else "true"
        return
    if name not in VALUES:
        raise KubernetesError(f"error: unknown flag: --{name}")
    if value is None:
        value = next(rest, None)  # type: ignore[call-overload]
        if value is None:
            raise KubernetesError(f"error: flag needs an argument: {word}")
    found.flags[name] = value
    if name in REPEATED:
        found.many.setdefault(name, []).append(value)
