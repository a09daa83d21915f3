"""Each payload that Graph's reference documents survives backup and download to the letter."""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.domain.jobs import JobState
from shared.domain.resources import RESOURCES, STREAMS, Reading, Switch
from shared.domain.resources.choice import Choice
from simulator.graph.kinds import KINDS
from tests.contract.engine.simulated import simulated_world
from tests.contract.graph.simulator import simulated_graph

EXAMPLES = Path(__file__).resolve().parents[4] / "shared" / "graph-examples"
EVERYTHING = Choice(on=tuple(name for name, row in RESOURCES.items() if row.switch is not Switch.STANDARD))
pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="no examples of Graph's reference lie beside the checkout"
)


def collections() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield resource, path and types of each collection that the simulator can be given objects of."""
    for row in RESOURCES.values():
        kind = KINDS.get(row.path.strip("/"))
        stream = STREAMS[row.stream]
        if (
            kind is None
            or kind.singleton
            or row.for_people
            or stream.filter
            or stream.reading is Reading.SINGLETON
            or stream.resource != row.resource
        ):
            continue
        yield row.resource, kind.path, (kind.type, *kind.types)


def documented(types: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield the documented objects of these types, each with an id of its own."""
    for type_name in types:
        file = EXAMPLES / f"{type_name}.json"
        for entry in json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []:
            value = {name: each for name, each in entry["object"].items() if name != "@odata.context"}
            if any(name != "id" and "@" not in name for name in value):  # the others are references to objects
                yield {**value, "id": str(uuid.uuid4())}


def test_every_documented_payload_is_downloaded_as_it_was_sent(tmp_path: Path) -> None:
    expected: dict[str, bytes] = {}
    by_path: defaultdict[str, list[bytes]] = defaultdict(list)
    for resource, path, types in collections():
        for value in documented(types):
            text = json.dumps(value, ensure_ascii=False, separators=(" ,", ": ")).encode()
            by_path[path].append(text)
            expected[f"{resource}/{value[STREAMS[resource].key]}"] = text
    with simulated_graph(tmp_path, "--objects", "0") as simulator:
        for path, texts in by_path.items():
            simulator.create(path, *texts)
        with simulated_world(tmp_path, simulator, choice=EVERYTHING) as world:
            job = world.run_job()
            assert job.state is JobState.SUCCEEDED, job
            downloaded = world.download()
    assert len(expected) > 50
    assert {key: downloaded.get(key) for key in expected} == expected
