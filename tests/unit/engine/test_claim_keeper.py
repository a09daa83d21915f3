"""A claim keeper renews its claim during the work, and reports a lost claim or a cancelled job."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import cast

import pytest

from shared.domain.errors import Cancelled, ClaimLost, Code, EntrakeepError, Refuse
from shared.domain.jobs import Claim, JobKind, ResourceProgress
from shared.domain.limits import Limits
from shared.engine.steps.claim_keeper import ClaimKeeper
from shared.ports.catalog.claims import Claims, Renewal

CLAIM = Claim(tenant_id="t", job_id="j", step_id="s", kind=JobKind.BACKUP, phase=1, name="users", fence=1, seconds=0.1)


class Renewals:
    """Answers renewals with the given results in order, and repeats the last one."""

    def __init__(self, *answers: Renewal | EntrakeepError) -> None:
        self._answers = list(answers)
        self.progress: list[Sequence[ResourceProgress]] = []
        self.calls = 0

    def renew(self, claim: Claim, progress: Sequence[ResourceProgress] | None = None) -> Renewal:
        assert claim is CLAIM
        self.calls += 1
        if progress is not None:
            self.progress.append(progress)
        answer = self._answers[min(self.calls, len(self._answers)) - 1]
        if isinstance(answer, EntrakeepError):
            raise answer
        return answer


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


def keeper_of(renewals: Renewals) -> ClaimKeeper:
    return ClaimKeeper(cast(Claims, renewals), CLAIM, Limits(renew_seconds=0.02), time.monotonic)


def test_a_claim_is_renewed_while_the_work_goes_on() -> None:
    renewals = Renewals(Renewal(cancel=False))
    with keeper_of(renewals) as keeper:
        until(lambda: renewals.calls >= 3)
        keeper.check()
    calls = renewals.calls
    time.sleep(0.05)
    assert renewals.calls == calls


def test_progress_of_a_step_is_reported_once_and_long_before_a_renewal() -> None:
    renewals = Renewals(Renewal(cancel=False))
    with ClaimKeeper(cast(Claims, renewals), CLAIM, Limits(renew_seconds=60.0), time.monotonic) as keeper:
        for records in (1, 2):
            progress = [ResourceProgress(resource="users", records=records, changed=0)]
            keeper.report_progress(progress)
            until(lambda progress=progress: renewals.progress[-1:] == [progress])  # type: ignore[misc]
    assert len(renewals.progress) == 2


@pytest.mark.parametrize(
    ("answer", "error"), [(Renewal(cancel=True), Cancelled), (ClaimLost(), ClaimLost)], ids=["cancelled", "lost"]
)
def test_the_loss_of_a_claim_reaches_the_step(answer: Renewal | EntrakeepError, error: type[EntrakeepError]) -> None:
    lost = threading.Event()
    with keeper_of(Renewals(answer)) as keeper:
        keeper.on_lost(lost.set)
        assert lost.wait(10)
        with pytest.raises(error):
            keeper.check()
        late = threading.Event()
        keeper.on_lost(late.set)
        assert late.is_set()


def test_a_silent_database_loses_the_claim_only_when_the_claim_expires() -> None:
    silent = Refuse(Code.CATALOG_UNREACHABLE, "The database does not answer.")
    with keeper_of(Renewals(silent, silent, Renewal(cancel=False))) as keeper:
        renewals = cast(Renewals, keeper._claims)
        until(lambda: renewals.calls >= 6)
        keeper.check()
    with keeper_of(Renewals(silent)) as keeper:
        renewals = cast(Renewals, keeper._claims)
        until(lambda: renewals.calls >= 5)
        until(lambda: keeper._ended is not None)
        with pytest.raises(ClaimLost):
            keeper.check()


def test_a_claim_may_last_longer_from_now_on() -> None:
    seconds: list[float] = []

    class Claimed:
        def renew(self, claim: Claim, progress: Sequence[ResourceProgress] | None = None) -> Renewal:
            seconds.append(claim.seconds)
            return Renewal(cancel=False)

    with ClaimKeeper(cast(Claims, Claimed()), CLAIM, Limits(renew_seconds=0.02), time.monotonic) as keeper:
        keeper.extend(500.0)
        assert 400 < keeper.remaining <= 500
        until(lambda: seconds.count(500.0) >= 3)
        keeper.check()
    assert seconds[-1] == 500.0
