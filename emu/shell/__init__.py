"""`emu sh`: ordinary shell scripts on the emulated network."""
