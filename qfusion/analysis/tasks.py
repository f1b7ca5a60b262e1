"""Names of computations that take so long that a page says what it waits for.

Their descriptions are in `views.words.training`.
"""

from enum import Enum, auto


class Task(Enum):
    """A computation that `memo` runs."""

    ABLATE_GATES = auto()
    APPLY_MODEL = auto()
    ATTRIBUTE_FEATURES = auto()
    BUILD_BACKGROUND = auto()
    BUILD_CIRCUIT = auto()
    CLUSTER_SEEDS = auto()
    COMPARE_BACKGROUNDS = auto()
    COMPARE_METHODS = auto()
    COMPARE_MODELS = auto()
    COMPARE_SAMPLES = auto()
    COMPARE_SEEDS = auto()
    COMPARE_STEPS = auto()
    COMPARE_TRUTH = auto()
    CUT_CORRELATIONS = auto()
    CUT_RESOURCES = auto()
    DISTURB_SAMPLES = auto()
    DRAW_CIRCUIT = auto()
    ENCODE_FIRST_SAMPLES = auto()
    ENCODE_SAMPLES = auto()
    ESTIMATE_INFORMATION = auto()
    EVOLVE_SAMPLES = auto()
    FIND_PARAMETER_CHANGE = auto()
    FIND_STATE_CHANGE = auto()
    FIND_STEADY_STATE = auto()
    FIND_VOTES = auto()
    FOLLOW_ANGLE = auto()
    HALVE_TERMS = auto()
    LOAD_DATA = auto()
    MEASURE_ENTANGLEMENT = auto()
    MEASURE_LAYERS = auto()
    MEASURE_SENSITIVITY = auto()
    PROJECT_SAMPLES = auto()
    PRUNE_GENERATOR = auto()
    READ_RECORDING = auto()
    REMOVE_JOINT_TERMS = auto()
    REMOVE_TERMS = auto()
    REPLACE_FEATURES = auto()
    RETRAIN_SETS = auto()
    SAMPLE_SYNERGIES = auto()
    SEARCH_LEAKS = auto()
    SPLIT_DECISIONS = auto()
    SPLIT_LOSS = auto()
    TABULATE_PARAMETERS = auto()
    TRACE_CIRCUIT = auto()
    TRACE_GATES = auto()
    TRACE_TERM = auto()
