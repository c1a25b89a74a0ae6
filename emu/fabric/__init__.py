"""The world around the namespaces: machines with their named namespaces, cables, switches."""

from emu.fabric.cable import Cable
from emu.fabric.machine import Machine
from emu.fabric.switch import Switch
from emu.fabric.world import World

__all__ = ["Cable", "Machine", "Switch", "World"]
