"""Captions of the spinner of a long computation."""

from qfusion.analysis.tasks import Task

TASKS: dict[Task, str] = {
    Task.ABLATE_GATES: "Leaving out the network's gate groups …",
    Task.APPLY_MODEL: "Applying the model to every sample …",
    Task.ATTRIBUTE_FEATURES: "Attributing the term to features …",
    Task.BUILD_BACKGROUND: "Computing the background …",
    Task.BUILD_CIRCUIT: "Building the circuit …",
    Task.CLUSTER_SEEDS: "Comparing the explanations of the seeds …",
    Task.COMPARE_BACKGROUNDS: "Comparing verdicts over backgrounds …",
    Task.COMPARE_METHODS: "Running brute force and captum's estimators on this sample …",
    Task.COMPARE_MODELS: "Comparing both models on the test samples …",
    Task.COMPARE_SAMPLES: "Comparing this sample with the others …",
    Task.COMPARE_SEEDS: "Explaining the samples with other training seeds …",
    Task.COMPARE_STEPS: "Comparing steps with the exact evolution …",
    Task.COMPARE_TRUTH: "Comparing with the planted truth …",
    Task.CUT_CORRELATIONS: "Removing correlations from these samples (about 8 ms each) …",
    Task.CUT_RESOURCES: "Cutting resources from the model …",
    Task.DISTURB_SAMPLES: "Adding noise to modalities …",
    Task.DRAW_CIRCUIT: "Drawing the circuit with PennyLane …",
    Task.ENCODE_FIRST_SAMPLES: "Encoding the first samples …",
    Task.ENCODE_SAMPLES: "Computing the state of every sample …",
    Task.ESTIMATE_INFORMATION: "Training small models on each modality (once) …",
    Task.EVOLVE_SAMPLES: "Computing the final states of these samples …",
    Task.FIND_PARAMETER_CHANGE: "Varying every parameter for this sample …",
    Task.FIND_STATE_CHANGE: "Searching for the nearest state that flips the decision …",
    Task.FIND_STEADY_STATE: "Computing the steady state …",
    Task.FIND_VOTES: "Computing votes for and against …",
    Task.FOLLOW_ANGLE: "Varying the angle …",
    Task.HALVE_TERMS: "Halving every term in turn …",
    Task.LOAD_DATA: "Loading the data …",
    Task.MEASURE_ENTANGLEMENT: "Computing the entanglement of these samples (about 17 ms each) …",
    Task.MEASURE_LAYERS: "Computing the entropies …",
    Task.MEASURE_SENSITIVITY: "Computing the sensitivity to every term …",
    Task.PROJECT_SAMPLES: "Projecting the samples …",
    Task.PRUNE_GENERATOR: "Removing terms of the generator one after another …",
    Task.READ_RECORDING: "Reading the recording …",
    Task.REMOVE_JOINT_TERMS: "Measuring the model without its joint terms …",
    Task.REMOVE_TERMS: "Removing every term in turn on all test samples …",
    Task.REPLACE_FEATURES: "Applying the model with features replaced …",
    Task.RETRAIN_SETS: "Training with fewer modalities …",
    Task.SAMPLE_SYNERGIES: "Sampling synergies …",
    Task.SEARCH_LEAKS: "Searching features for the target …",
    Task.SPLIT_DECISIONS: "Explaining the decisions on the test samples (once) …",
    Task.SPLIT_LOSS: "Splitting the test loss …",
    Task.TABULATE_PARAMETERS: "Varying every parameter (once for this model, about ten seconds) …",
    Task.TRACE_CIRCUIT: "Tracing the sample through the circuit …",
    Task.TRACE_GATES: "Computing correlations along the gates …",
    Task.TRACE_TERM: "Varying the term …",
}


def describe_task(task: Task | str | None) -> str:
    """Return the caption of a computation: of a plugin, the text itself; empty for None."""
    if isinstance(task, Task):
        return TASKS[task]
    return task or ""
