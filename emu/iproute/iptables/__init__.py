"""iptables on a namespace: `restore` and `save` texts, `command` for single commands."""

from emu.iproute.iptables.command import command
from emu.iproute.iptables.errors import IptablesError
from emu.iproute.iptables.restore import restore
from emu.iproute.iptables.save import save

__all__ = ["IptablesError", "command", "restore", "save"]
