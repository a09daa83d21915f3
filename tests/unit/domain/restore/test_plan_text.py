"""A plan's text is what a person looks at and what is carried out: it comes back equal, and says what it is."""

import msgspec
import pytest

from shared.domain.errors import Code, Refuse
from shared.domain.restore.operations import Action, Hindrance, Impossible, Operation, Plan
from shared.domain.restore.plan_text import lines_of, plan_of, sha256_of
from shared.domain.restore.scope import ConflictRule, LinkRule, Rules, Scope

CREATE = Operation(
    number=1,
    stage=2,
    resource="users",
    key="users/1",
    name="Ada",
    action=Action.CREATE,
    reason="It is gone for good.",
    needs=("User.ReadWrite.All",),
    method="POST",
    path="/users",
    body=b'{"displayName": "Ada", "big": 12345678901234567890}',
    properties=("displayName",),
    app_id="a",
    notes=("It gets a new password.",),
)
UNLINK = Operation(
    number=2,
    stage=7,
    resource="groups.members",
    key="groups/2/members/1",
    action=Action.UNLINK,
    reason="The snapshot does not have it.",
    method="DELETE",
    path="/groups/2/members/1/$ref",
    names=("2", "1"),
    before=b'{"id":"1"}',
)
LEFT = Impossible(
    resource="users",
    key="users/3",
    kind=Hindrance.ADMINISTRATOR,
    reason="Only people may set it.",
    properties=("password",),
    values={"password": msgspec.Raw(b'"x"')},
)
PLAN = Plan(
    plan_id="p",
    snapshot="s",
    live="l",
    scope=Scope(ids=("1",), deleted_since="s"),
    rules=Rules(conflict=ConflictRule.SKIP, links_of={"groups.owners": LinkRule.EXACT}),
    operations=[CREATE, UNLINK],
    impossible=[LEFT],
    notes=["A note."],
    unchanged=4,
    adopted={"5": "6"},
    undone_job="j",
)


def test_a_plan_comes_back_from_its_text() -> None:
    read = plan_of(lines_of(PLAN))
    assert (read.operations, read.scope, read.rules, read.adopted) == (
        PLAN.operations,
        PLAN.scope,
        PLAN.rules,
        PLAN.adopted,
    )
    assert msgspec.json.encode(read) == msgspec.json.encode(PLAN)
    assert sha256_of(lines_of(read)) == sha256_of(lines_of(PLAN))


def test_values_are_written_to_the_letter_and_not_encoded() -> None:
    head, create, unlink, left = lines_of(PLAN)
    assert CREATE.body is not None
    assert CREATE.body in create
    assert b'"before":{"id":"1"}' in unlink
    assert head.startswith(b'{"format":"entrakeep-plan/1"')
    assert b'"impossible":{' in left
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in (head, create, unlink, left))


def test_another_operation_makes_another_hash() -> None:
    other = msgspec.structs.replace(PLAN, operations=[msgspec.structs.replace(CREATE, body=b"{}"), UNLINK])
    assert sha256_of(lines_of(other)) != sha256_of(lines_of(PLAN))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ([], Code.WRONG_USE),
        ([b"not json"], Code.WRONG_USE),
        ([b'{"operation":{}}'], Code.WRONG_USE),
        ([b'{"key":"users/1","value":{}}'], Code.WRONG_USE),
        ([b'{"format":"entrakeep-plan/1","plan":{}}'], Code.WRONG_USE),
        ([b'{"format":"entrakeep-plan/2","plan":{}}'], Code.FORMAT_UNKNOWN),
    ],
)
def test_another_text_is_refused_in_a_sentence(text: list[bytes], code: Code) -> None:
    with pytest.raises(Refuse) as caught:
        plan_of(text)
    assert caught.value.code is code
