"""An error with a long traceback, on all hosts at once."""

import simrun


def fail(n):
    return 1 / n if n < 1 else fail(n - 1)


assert simrun
fail(20)
