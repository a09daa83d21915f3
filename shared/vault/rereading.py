"""Reading a blob once more before anything is said about it, as bytes may break off or change on the way alone."""

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from shared.domain.errors import Alarm, StoreNotOurs, StoreTrouble

_P = ParamSpec("_P")
_T = TypeVar("_T")

log = logging.getLogger(__name__)


def read_twice(read: Callable[_P, _T]) -> Callable[_P, _T]:
    """Make a function that reads a blob and judges it do so once more where it raises Alarm, ``StoreTrouble`` or
    ``StoreNotOurs``.

    What the second reading raises is raised.
    """

    @functools.wraps(read)
    def twice(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return read(*args, **kwargs)
        except (Alarm, StoreTrouble, StoreNotOurs) as first:
            log.warning("read again: %s", first)
            return read(*args, **kwargs)

    return twice
