"""Reading a blob a second time before reporting it, because a transfer may truncate or change the bytes."""

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from shared.domain.errors import Alarm, StoreNotOurs, StoreTrouble

_P = ParamSpec("_P")
_T = TypeVar("_T")

log = logging.getLogger(__name__)


def read_twice(read: Callable[_P, _T]) -> Callable[_P, _T]:
    """Wrap a function that reads and checks a blob, to try once more on Alarm, ``StoreTrouble`` or ``StoreNotOurs``.

    The error of the second reading is raised.
    """

    @functools.wraps(read)
    def twice(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return read(*args, **kwargs)
        except (Alarm, StoreTrouble, StoreNotOurs) as first:
            log.warning("read again: %s", first)
            return read(*args, **kwargs)

    return twice
