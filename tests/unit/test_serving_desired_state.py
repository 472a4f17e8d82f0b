"""The desired state: which step leads where, what is refused, and what containers' judgements make of it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gpu_endpoint.lifecycle import desired_state as steps
from gpu_endpoint.lifecycle.desired_state import DesiredState, ModelEntry, TransitionError, Weights
from gpu_endpoint.lifecycle.settling import breach_key, settled
from gpu_endpoint.models.config import ModelConfig, PinnedFile

pytestmark = pytest.mark.unit

MODEL = "scenes"


def weights(letter: str, model_id: str = MODEL) -> Weights:
    file = PinnedFile(path="tower.onnx", sha256=letter * 64)
    config = ModelConfig(
        id=model_id,
        family="clip_onnx",
        dim=8,
        licence="MIT",
        source="a test",
        tokenizer="none",
        files={"image": file},
    )
    return Weights(config=config)


def name(letter: str) -> str:
    return weights(letter).config.revision()


def first(letter: str = "a") -> DesiredState:
    entry = ModelEntry(id=MODEL, current=name(letter), revisions={name(letter): weights(letter)})
    return DesiredState(models=[entry], defaults={"embed_image": MODEL})


def test_a_candidate_takes_the_place_and_the_one_before_stays() -> None:
    state = steps.loading(first(), weights("b"))
    entry = steps.promoted(state, MODEL, name("b")).entry(MODEL)
    assert (entry.current, entry.previous, entry.candidate) == (name("b"), name("a"), None)
    assert entry.generation == 2
    assert set(entry.revisions) == {name("a"), name("b")}


def test_only_two_revisions_and_a_candidate_are_kept() -> None:
    state = first()
    for letter in "bcd":
        state = steps.promoted(steps.loading(state, weights(letter)), MODEL, name(letter))
    assert set(state.entry(MODEL).revisions) == {name("c"), name("d")}


def test_a_promotion_done_twice_is_done_once() -> None:
    state = steps.promoted(steps.loading(first(), weights("b")), MODEL, name("b"))
    assert steps.promoted(state, MODEL, name("b")) == state


def test_a_rollback_needs_no_load_and_lets_the_bad_one_go() -> None:
    state = steps.promoted(steps.loading(first(), weights("b")), MODEL, name("b"))
    entry = steps.rolled_back(state, MODEL, reason="it was slow").entry(MODEL)
    assert (entry.current, entry.previous, set(entry.revisions)) == (name("a"), None, {name("a")})
    assert entry.rolled_back == f"{name('b')}: it was slow"


@pytest.mark.parametrize(
    "step",
    [
        lambda state: steps.promoted(state, MODEL, name("b")),
        lambda state: steps.rolled_back(state, MODEL, reason=""),
        lambda state: steps.trying(state, MODEL, mode="shadow", share=0.5),
        lambda state: steps.loading(state, weights("a")),
        lambda state: steps.loading(state, weights("b", "another")),
        lambda state: steps.loading(steps.loading(state, weights("b")), weights("c")),
        lambda state: steps.added(state, weights("b")),
        lambda state: steps.with_default(state, "embed_text", "another"),
        lambda state: steps.removed(state, MODEL),
    ],
)
def test_a_step_that_does_not_fit_is_refused(step: Callable[[DesiredState], DesiredState]) -> None:
    with pytest.raises(TransitionError):
        step(first())


def test_a_model_comes_and_goes_and_doing_either_twice_is_doing_it_once() -> None:
    state = steps.added(first(), weights("b", "another"))
    assert [entry.id for entry in state.models] == [MODEL, "another"]
    assert steps.added(state, weights("b", "another")) == state
    assert steps.removed(steps.removed(state, "another"), "another") == first()


def test_loading_again_is_another_attempt() -> None:
    state = steps.loading(first(), weights("b"))
    again = steps.dropped(state, MODEL)
    again = steps.loading(again, weights("b"))
    attempts = [one.entry(MODEL).candidate for one in (state, again)]
    assert [candidate.attempt for candidate in attempts if candidate] == [1, 2]


def test_what_one_container_found_bad_is_rolled_back_for_all() -> None:
    state = steps.promoted(steps.loading(first(), weights("b")), MODEL, name("b"))
    key = breach_key(state.entry(MODEL), name("b"))
    back = settled(state, {key: "3 of 40 failed"})
    assert back.entry(MODEL).current == name("a")
    assert settled(back, {key: "3 of 40 failed"}) == back


def test_an_old_judgement_does_not_meet_a_later_promotion_of_the_same() -> None:
    state = steps.promoted(steps.loading(first(), weights("b")), MODEL, name("b"))
    key = breach_key(state.entry(MODEL), name("b"))
    state = settled(state, {key: "failed"})
    state = steps.promoted(steps.loading(state, weights("b")), MODEL, name("b"))
    assert settled(state, {key: "failed"}).entry(MODEL).current == name("b")


def test_a_bad_canary_is_let_go() -> None:
    state = steps.loading(first(), weights("b"), mode="canary", share=0.1)
    entry = state.entry(MODEL)
    key = breach_key(entry, name("b"), attempt=1)
    entry = settled(state, {key: "failed"}).entry(MODEL)
    assert (entry.current, entry.candidate) == (name("a"), None)


def test_a_default_names_a_model_that_is_served() -> None:
    with pytest.raises(ValidationError, match="no model"):
        DesiredState(models=first().models, defaults={"embed_text": "another"})


@given(st.lists(st.sampled_from(["load b", "load c", "promote b", "promote c", "back", "drop", "breach"])))
def test_whatever_is_done_the_state_holds_together(actions: list[str]) -> None:
    state = first()
    for action in actions:
        verb, _, letter = action.partition(" ")
        entry = state.entry(MODEL)
        try:
            if verb == "load":
                state = steps.loading(state, weights(letter))
            elif verb == "promote":
                state = steps.promoted(state, MODEL, name(letter))
            elif verb == "back":
                state = steps.rolled_back(state, MODEL, reason="by hand")
            elif verb == "drop":
                state = steps.dropped(state, MODEL)
            else:
                state = settled(state, {breach_key(entry, entry.current): "slow"})
        except TransitionError:
            continue
        after = state.entry(MODEL)
        assert set(after.revisions) == set(after.named())
        assert after.generation >= entry.generation
        assert DesiredState.model_validate_json(state.model_dump_json(exclude_none=True)) == state
