"""The one exception that a user's mistake raises."""


class QsimError(ValueError):
    """Wrong input: says in one sentence what was wrong, what was found and what is allowed."""
