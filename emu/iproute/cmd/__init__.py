"""The commands as a person types them: words in, Linux's text and exit status out. `emu.iproute.commands` has the table of them."""
