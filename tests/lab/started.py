"""What is started and stopped, as a context manager."""

from __future__ import annotations

import abc
from types import TracebackType
from typing import Self


class Started(abc.ABC):
    """`with` starts it, and stops it at the end of the block, whatever happened there."""

    @abc.abstractmethod
    def start(self) -> None:
        """Begin."""

    @abc.abstractmethod
    def stop(self) -> None:
        """End; everything that was begun."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
