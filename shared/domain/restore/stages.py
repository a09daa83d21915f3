"""The stages of a plan beside those in the table: operations of a stage do not depend on each other."""

from enum import IntEnum


class Stage(IntEnum):
    """The stages of operations to which the table gives no stage."""

    UNDELETE = 0
    UNDELETE_PRINCIPALS = 1
    """After their applications."""
    LATER = 8
    """Properties that name objects, after all objects exist. Links are removed then, too: after all were added."""
    GROUP_LICENCES = 9
    LICENCES = 10
    """After those of groups, so that no seat is taken twice."""
    LAST = 16
    """What takes rights away, or lets people in."""
    DELETIONS = 17
    """The first stage of deletions, which come in the reverse order of creations."""


def later_than(stage: int) -> int:
    """Return the stage of later writes to an object that is created in ``stage``."""
    return max(int(Stage.LATER), stage + 1)


def deletion(stage: int) -> int:
    """Return the stage in which objects are deleted that ``stage`` creates."""
    return Stage.DELETIONS + max(0, Stage.LAST - stage)
