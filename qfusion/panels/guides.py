"""Parameters of an address that lead the reader and draw nothing: the tour, a session file, words, an exercise."""

EXERCISE = "exercise"  # name of one of the course
EXERCISE_TASK = "exercise.task"
EXERCISE_GOAL = "exercise.goal"
EXERCISE_HINT = "exercise.hint"
EXERCISE_START = "exercise.start"
EXERCISE_SOLUTION = "exercise.solution"
EXERCISE_GO = "exercise.go"
EXERCISE_KEYS = (
    EXERCISE,
    EXERCISE_TASK,
    EXERCISE_GOAL,
    EXERCISE_HINT,
    EXERCISE_START,
    EXERCISE_SOLUTION,
    EXERCISE_GO,
)
GUIDES = ("tour", "load", "words", *EXERCISE_KEYS)


def is_guide(key: str) -> bool:
    """Return whether a parameter guides the reader."""
    return key in GUIDES
