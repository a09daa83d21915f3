"""The poller of live progress: it survives errors, shows nothing meanwhile, and ends with its last stream."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec

from console.web.live import Live, News, Watch, event
from shared.domain.limits import LIMITS

QUICK = msgspec.structs.replace(LIMITS, live_look_seconds=0.01, live_seconds=5.0)


def watch(sign_in: str = "one") -> Watch:
    return Watch(job_id="j", tenant_id="t", sign_in_id=sign_in)


async def collected(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([part async for part in stream])


def test_an_event_has_one_data_line_for_each_line_of_html() -> None:
    assert event("<p>\n a</p>") == b"data: <p>\ndata:  a</p>\n\n"
    assert event("", "ended") == b"event: ended\ndata: \n\n"
    assert event("\ud800") == b"data: \\ud800\n\n"


async def test_an_error_of_a_look_shows_nothing_and_the_next_look_goes_on() -> None:
    looks: list[int] = []

    def look(watches: Sequence[Watch]) -> Mapping[Watch, News]:
        looks.append(len(watches))
        if len(looks) < 3:
            raise OSError("the database is away")
        return {each: News("<p>done</p>", last=True) for each in watches}

    live = Live(look, QUICK)
    assert await collected(live.events(watch())) == b"data: <p>done</p>\n\nevent: ended\ndata: \n\n"
    assert looks == [1, 1, 1]


async def test_a_silent_stream_sends_comments_while_nothing_changes() -> None:
    limits = msgspec.structs.replace(QUICK, live_seconds=0.5, live_silent_seconds=0.1)
    live = Live(lambda watches: {each: News("<p>", last=False) for each in watches}, limits)
    text = await collected(live.events(watch()))
    assert text.startswith(b"data: <p>\n\n: still here\n\n")
    assert text.count(b"data") == 1
    assert text.count(b": still here") <= 5


async def test_a_right_that_ended_shows_nothing_more() -> None:
    live = Live(lambda watches: {each: News(None, last=True) for each in watches}, QUICK)
    assert await collected(live.events(watch())) == b"event: ended\ndata: \n\n"


async def test_streams_share_looks_which_end_with_the_last_stream() -> None:
    sizes: list[int] = []
    going_on = True

    def look(watches: Sequence[Watch]) -> Mapping[Watch, News]:
        sizes.append(len(watches))
        return {each: News("<p>", last=not going_on) for each in watches}

    live = Live(look, QUICK)
    streams = [asyncio.create_task(collected(live.events(watch(str(number))))) for number in range(50)]
    while len(sizes) < 3:
        await asyncio.sleep(0.005)
    going_on = False
    assert {await stream for stream in streams} == {b"data: <p>\n\nevent: ended\ndata: \n\n"}
    assert max(sizes) == 50
    await asyncio.sleep(0.1)
    count = len(sizes)
    await asyncio.sleep(0.1)
    assert len(sizes) == count


async def test_a_sign_in_that_has_its_streams_gets_no_further_one() -> None:
    live = Live(lambda watches: {each: News("<p>", last=False) for each in watches}, QUICK)
    streams = [live.events(watch()) for _ in range(LIMITS.live_streams)]
    for stream in streams:
        assert await anext(stream)
    assert live.full("one")
    assert not live.full("two")
    assert await collected(live.events(watch())) == b""
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]
    assert not live.full("one")
