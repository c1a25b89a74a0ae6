"""The capture folder of one run: a classic pcap for each interface, `all.pcapng` for all of them."""

from __future__ import annotations

import os
import re
import weakref
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from emu.pcap.file import CaptureError, CaptureFile
from emu.pcap.names import Stems
from emu.pcap.pcapng import PcapngWriter, section_header
from emu.pcap.writer import PcapWriter

ALL = "all.pcapng"
_APPLICATION = "emu"
_OURS = re.compile(r"[\w%-]+\.[\w%-]+(~\d+)?\.pcap", re.ASCII)


class CaptureFolder:
    """Hands out the writers of a run. What is waiting in them is written by flush() or close(), and when the process ends by itself."""

    def __init__(self, path: str | Path) -> None:
        """Make the folder if it is not there, and take away an earlier run's captures. Raises CaptureError if captures cannot be written there."""
        self.path = Path(path)
        self._stems = Stems()
        self._pcaps: dict[str, PcapWriter] = {}
        self._all: PcapngWriter | None = None
        self._files: list[CaptureFile] = []
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            clear(self.path)
        except FileExistsError:
            raise CaptureError(f"capture folder {path}: there is a file of that name") from None
        except OSError as error:
            raise CaptureError(f"capture folder {path}: {error.strerror}") from None
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise CaptureError(f"capture folder {path}: {os.strerror(13)}")
        self._at_exit = weakref.finalize(self, _flush_quietly, self._files)

    def pcap(self, namespace: str, device: str) -> PcapWriter:
        """The writer of an interface. A device that is made again under its name gets the same one, so its frames are appended."""
        stem = self._stems.stem(namespace, device)
        writer = self._pcaps.get(stem)
        if writer is None:
            writer = self._pcaps[stem] = PcapWriter(f"{self.path}/{stem}.pcap", self._files)
            self._files.append(writer)
        return writer

    def pcapng(self) -> PcapngWriter:
        """The writer of `all.pcapng`."""
        if self._all is None:
            self._all = PcapngWriter(f"{self.path}/{ALL}", self._files, _APPLICATION)
            self._files.append(self._all)
        return self._all

    def flush(self) -> None:
        """Write everything that is waiting."""
        for file in self._files:
            file.flush()

    close = flush  # no descriptor is open between writes, so that is all

    def __enter__(self) -> CaptureFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def clear(folder: Path) -> None:
    """Take away the captures of an earlier run, which would be mistaken for this one's.

    Only where `all.pcapng` says that emu wrote it, and only files named as emu names them: a folder of other captures stays as it is.
    """
    everything = folder / ALL
    mark = section_header(_APPLICATION)
    try:
        with everything.open("rb") as file:
            if file.read(len(mark)) != mark:
                return
    except FileNotFoundError:
        return
    for entry in list(os.scandir(folder)):
        if _OURS.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
            os.unlink(entry.path)
    everything.unlink()  # last: a removal that was cut short is taken up again


def _flush_quietly(files: list[CaptureFile]) -> None:
    for file in files:
        with suppress(CaptureError):
            file.flush()
