"""The titles of the tracker's issues: exactly what a job writes, for exactly one address."""

from __future__ import annotations

import pytest

from runbook_lib.domain.titles import MOST_CHARS, Mark, longest_address, read, write

EMAIL = "admin@customer.example"


def success(email: str, users: int) -> str:
    return write(Mark.SUCCESS, email, users)


def users_of(mark: Mark, title: str, email: str) -> int | None:
    """The users that a title of this mark names for an address."""
    found = read(title)
    return found.users_for(email) if found.mark is mark else None


def test_titles_of_issues_differ_at_their_start() -> None:
    """A reader of the tracker tells success, failure and running apart at the first word."""
    assert "[Success] - Created a license under a@b.example for 5 users" == success("a@b.example", 5)
    assert "[Failure] - Could not create a license under a@b.example for 5 users" == write(
        Mark.FAILURE, "a@b.example", 5
    )
    assert "[In progress] - Creating a license under a@b.example for 5 users" == write(
        Mark.IN_PROGRESS, "a@b.example", 5
    )
    assert "[Duplicate] - Did not create a license under a@b.example for 5 users" == write(
        Mark.DUPLICATE, "a@b.example", 5
    )


@pytest.mark.parametrize("users", [1, 250, 1_000_000])
def test_titles_fit(users: int) -> None:
    """With the longest address that has room, the longest title has just the length that GitLab takes."""
    email = "x" * longest_address(users)
    titles = [write(mark, email, users) for mark in Mark]
    assert 255 == MOST_CHARS == max(map(len, titles))


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        (write(Mark.FAILURE, EMAIL, 5), True),
        (f" {write(Mark.FAILURE, EMAIL.upper(), 5)}", True),
        (f"[Failure] - {EMAIL} : the license was not made", True),
        (f"[FAILURE] - Could not create a license under <{EMAIL}> for 5 users", True),
        (f"[failure] {EMAIL}: no license", True),
        (f"[Failure] - `{EMAIL}`", True),
        (f"[Failure] - **{EMAIL}**, again", True),
        (f"[Failure] - (mailto:{EMAIL.upper()})", True),
        (f"[Failure] - <x{EMAIL}>", False),
        (f"[Failure] - mailto:mailto:{EMAIL}", True),
        (success(EMAIL, 5), False),
        (write(Mark.FAILURE, f"x{EMAIL}", 5), False),
        (write(Mark.FAILURE, f"{EMAIL}.org", 5), False),
        (f"About [Failure] {EMAIL}", False),
    ],
)
def test_whose_failure_it_is(title: str, expected: bool) -> None:
    """The address must be a word of its own: another one that contains it belongs to another person."""
    assert expected == (read(title).mark is Mark.FAILURE and read(title).names(EMAIL))


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        (f"Created a license under {EMAIL} for 5 users", True),
        (f"[Success] - Created a license under [{EMAIL}] for [5] users (done)", True),
        (f"Sent to “{EMAIL.upper()}”.", True),
        (f"**{EMAIL}**: sent", True),
        (f"<mailto:{EMAIL}>", True),
        (f"{EMAIL}'s license", True),
        (f"Sent to x{EMAIL}", False),
        (f"Sent to {EMAIL}.org", False),
        (success(f"'{EMAIL}'", 5), False),
    ],
)
def test_whom_a_title_names(title: str, expected: bool) -> None:
    """With what people write around an address; the job's own title is for exactly the one that it has."""
    assert expected == read(title).names(EMAIL)


@pytest.mark.parametrize("users", [1, 250, 1_000_000])
@pytest.mark.parametrize("email", [EMAIL, "o'neil+x_y@sub.customer.example", "a.b(c)*@x.example", "[a]@x.example"])
def test_a_success_is_recognized(email: str, users: int) -> None:
    """The title that the job writes gives the user count, also for addresses that look like patterns."""
    assert users == users_of(Mark.SUCCESS, success(email, users), email)
    assert users == users_of(Mark.SUCCESS, f" {success(email.upper(), users)}\n", email)


@pytest.mark.parametrize("mark", list(Mark))
def test_brackets_around_the_values_are_read(mark: Mark) -> None:
    """The workflow's document writes the title so."""
    title = read(
        f"{mark} - {write(mark, EMAIL, 5)[len(mark) + 3 :].replace(EMAIL, f'[{EMAIL}]').replace(' 5 ', ' [5] ')}"
    )
    assert (mark, 5, True) == (title.mark, title.users_for(EMAIL), title.names(EMAIL))
    assert title.users_for("other@customer.example") is None


@pytest.mark.parametrize(
    "title",
    [
        success("other@customer.example", 5),
        success("admin@other.example", 5),
        success(f"x{EMAIL}", 5),
        success(f"{EMAIL}.evil.example", 5),
        success("admin@customerXexample", 5),
        success("admin@customer", 5),
        success(f"{EMAIL} other@customer.example", 5),
        success(f"other@customer.example {EMAIL}", 5),
        success(EMAIL, -5),
        write(Mark.FAILURE, EMAIL, 5),
        write(Mark.IN_PROGRESS, EMAIL, 5),
        f"Re: {success(EMAIL, 5)}",
        f"{success(EMAIL, 5)} (test)",
        f"{success(EMAIL, 5)}\n{success(EMAIL, 6)}",
        f"[success] - Created a license under {EMAIL} for 5 users",
        f"[Success] - Created a license under {EMAIL} for five users",
        f"[Success] - Created a license under {EMAIL} for \u0665 users",
        f"[Success] - Created a license under {EMAIL} for 5.0 users",
        f"[Success] - Created a license under {EMAIL} for 5 user",
        f"[Success] - Created a license under  {EMAIL} for 5 users",
        f"[Success] Created a license under {EMAIL} for 5 users",
        f"S - Created a license under {EMAIL} for 5 users",
        f"[Success] - Created a license under {EMAIL} for {'9' * 10} users",
        "",
    ],
)
def test_another_title_is_no_success(title: str) -> None:
    """Not that of another person whose address shares words with ours, nor a title that says more or less."""
    assert users_of(Mark.SUCCESS, title, EMAIL) is None


@pytest.mark.parametrize(
    ("other", "email"), [("straße@x.example", "STRASSE@x.example"), ("\u212a@x.example", "k@x.example")]
)
def test_letters_that_fold_alike_are_other_addresses(other: str, email: str) -> None:
    """Case is ignored for ASCII only: a Kelvin sign is no k."""
    assert users_of(Mark.SUCCESS, success(other, 5), email) is None


@pytest.mark.parametrize(
    ("title", "users"),
    [
        (write(Mark.IN_PROGRESS, EMAIL, 5), 5),
        (write(Mark.IN_PROGRESS, EMAIL.upper(), 5), 5),
        (write(Mark.IN_PROGRESS, f"x{EMAIL}", 5), None),
        (success(EMAIL, 5), None),
        (write(Mark.FAILURE, EMAIL, 5), None),
        (write(Mark.DUPLICATE, EMAIL, 5), None),
    ],
)
def test_a_job_in_progress_is_recognized(title: str, users: int | None) -> None:
    """By the same rule: exactly the job's title, for exactly this address."""
    assert users == users_of(Mark.IN_PROGRESS, title, EMAIL)


@pytest.mark.parametrize("email", [".*", "admin@customer.example|x", ".+@.+", r"\S+", ""])
def test_an_address_is_no_pattern(email: str) -> None:
    """Looking for what would match everything as a pattern finds no license."""
    assert users_of(Mark.SUCCESS, success(EMAIL, 5), email) is None
