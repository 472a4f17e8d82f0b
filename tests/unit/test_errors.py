"""The error tree is a table without holes."""

import re

import pytest

from sightline.errors import RateLimitedError, every_error, problem_table

pytestmark = pytest.mark.unit


def test_each_class_has_its_own_slug_named_like_it() -> None:
    classes = list(every_error())
    assert len(problem_table()) == len(classes)
    for error in classes:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", error.slug), error
        assert error.__name__.endswith("Error")
        assert 400 <= error.status < 600
        assert error.title
        assert error.__doc__, f"{error.__name__} does not say what to do"


def test_what_a_caller_did_wrong_is_not_worth_repeating() -> None:
    worth_it = {error.slug for error in every_error() if error.retryable}
    callers_fault = {error.slug for error in every_error() if error.status < 500}
    assert worth_it & callers_fault == {"rate-limited", "request-in-progress"}


def test_an_error_says_its_title_where_it_has_no_detail() -> None:
    assert str(RateLimitedError()) == RateLimitedError.title
    error = RateLimitedError("At most 3 a minute.", retry_after_s=20)
    assert (str(error), error.retry_after_s, error.errors) == ("At most 3 a minute.", 20, [])
