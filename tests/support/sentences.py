"""Every template of a sentence that claims something of a sample, a model or data: where it is made, when it may be
said, and the file whose test checks it against its numbers.

A superlative ("the most", "largest", "nearest") may be said of one name only where its number, as it is written,
differs from all others; names whose numbers are written alike are named together. "No" and "the same" need numbers that
are written as nothing, or an interval. Nothing is written as 0 % or 100 % that is not (`qfusion._sentences.share`).
"""

from __future__ import annotations

from typing import NamedTuple

HERE = "test_sentences.py"
PHYSICS = "test_sentences_physics.py"
STATISTICS = "test_sentences_statistics.py"
VERDICT = "test_verdict.py"
PEOPLE = "test_people_label_statistics.py"
REVIEW = "test_review.py"
PAPERS = "test_papers.py"
GENERATOR = "test_generator_sentences.py"
STUDENTS = "test_simulatability.py"
EXERCISES = "test_exercises.py"
BESIDE = "test_crowd_comparison.py"
CROWD = "test_crowd.py"


class Template(NamedTuple):
    """A sentence.

    Attributes:
        name: of the template, and of what tests it.
        where: the function that makes it, as module:function below `qfusion`.
        may: the condition under which it may be said.
        tested: the file of its test.
    """

    name: str
    where: str
    may: str
    tested: str = HERE


TEMPLATES: tuple[Template, ...] = (
    # What all are made of.
    Template(
        "top", "_sentences:top", "the names whose numbers are written alike and above all others"
    ),
    Template(
        "share",
        "_sentences:share",
        "0 % of nothing, 100 % of all, else rounded, or 'less than 1%', 'more than 99%'",
    ),
    Template("size", "_sentences:size", "0.00 of nothing alone, else 'less than 0.01'"),
    Template(
        "count", "_sentences:count", "one thing in the singular, all other numbers in the plural"
    ),
    Template(
        "largest entry off a diagonal",
        "panels.alt_text:list_coherences",
        "its modulus is above 0.00; of several that are alike their number",
    ),
    # Samples.
    Template(
        "most mixed modality",
        "panels.sample_evidence:describe_most_mixed",
        "its entropy is above 0.00 nats and all others",
    ),
    Template(
        "disagreement of masses",
        "panels.sample_evidence:describe_disagreement",
        "K or the disagreement is above 0.00; 'most on' where not all elements are alike",
    ),
    Template(
        "contradiction of masses, in a report",
        "report.sample_report:describe_contradiction",
        "K is above 0.000; not defined where a modality supports no class",
    ),
    Template(
        "bet of the fused evidence",
        "panels.sample_evidence:describe_bet",
        "the largest pignistic probability; none where undefined",
    ),
    Template(
        "most entangled fused qubit",
        "panels.sample_evidence:describe_most_entangled",
        "its entropy is above 0.00 and all others",
    ),
    Template(
        "how steps were matched",
        "wording.steps:describe_match",
        "named where the data set or equal counts name them; 'numbers only' where counts differ",
    ),
    Template(
        "axis of several modalities",
        "panels.inside:describe_axis",
        "seconds where every rate is known, else shares",
    ),
    Template(
        "letters without a font",
        "figures.missing_letters:remark",
        "of letters that no installed font has, and only those",
    ),
    Template(
        "part with the largest attribution",
        "panels.inside:describe_largest_parts",
        "its size is above 0.000 and all others",
    ),
    Template(
        "nearest samples",
        "panels.nearest_samples:describe_nearest",
        "the smallest distance to three digits",
    ),
    Template(
        "decision settled since",
        "wording.decision_changes:describe_last_change",
        "no place from there on decides otherwise, the one before it does",
    ),
    Template(
        "what the dynamics added",
        "wording.decision_changes:describe_change",
        "'nothing' where no term moved; joint shares of start and end; the largest joint terms",
    ),
    Template(
        "decision leaves single modalities",
        "wording.answers:title_joint_course",
        "joint terms hold more than half of the sizes from there to the end",
    ),
    Template(
        "largest term at a time",
        "wording.answers:describe_largest_terms",
        "its size is above 0.00 and all others",
    ),
    Template(
        "since when jointly",
        "wording.answers:answer_since_when",
        "as 'decision leaves single modalities'",
    ),
    Template(
        "what would flip it",
        "wording.answers:describe_flips",
        "the smallest distance found; 'no change would' where proved, 'would' where the model was run again",
    ),
    Template(
        "class or sign of a decision",
        "wording.verdicts:name_decision",
        "the class of the largest score; positive above zero",
    ),
    # Layers and gates.
    Template(
        "joint terms outweigh along layers",
        "panels.network_layers:describe_takeover",
        "more than half of the sizes, in percent, to the end",
    ),
    Template(
        "correlation along layers",
        "panels.network_layers:describe_correlation",
        "the largest mutual information is above 0.00 nats",
    ),
    Template(
        "entropy after the last pooling",
        "panels.network_layers:describe_pooling",
        "less or more where it differs by 0.01 nats",
    ),
    Template(
        "light cone",
        "panels.circuit_panel:describe_cone",
        "'can depend on': the cone bounds what acts, it does not prove that it does",
    ),
    Template(
        "most mixed qubit now",
        "panels.qubit_panels:describe_mixedness",
        "'pure' below 1e-6 nats; the largest entropy above 0.00",
    ),
    Template(
        "shortest Bloch vector",
        "panels.qubit_panels:describe_shortest",
        "'pure' within 1e-6 of 1; the smallest length below 1.00",
    ),
    Template(
        "a gate moves the state",
        "panels.qubit_panels:describe_gate_effect",
        "the trace distance; 'as it is' where it is 0.00",
    ),
    Template(
        "most mixed qubit at the end",
        "panels.qubit_panels:describe_final_mixedness",
        "its entropy is above 0.00 and all others",
    ),
    Template(
        "modalities that share most",
        "panels.qubit_panels:describe_sharing",
        "their mutual information is above 0.00 and all others",
    ),
    Template(
        "fusion rule named",
        "panels.network:describe_likeness",
        "'as' at distance 0.00, 'like' below 0.25, else like none",
    ),
    Template(
        "edited tables turn the decision",
        "panels.network:describe_edit_effect",
        "the class with the largest score is another one",
    ),
    # Operators.
    Template(
        "votes for and against",
        "wording.eigenstate_votes:describe_votes",
        "votes that are written with a sign; the others vote neither way",
    ),
    Template(
        "extreme vote",
        "wording.eigenstate_votes:describe_extreme_vote",
        "'votes for' where the vote is written above zero, and so on",
    ),
    Template(
        "nearest samples to an eigenstate",
        "wording.eigenstate_votes:nearest_heading",
        "the best holds half of its weight there",
    ),
    Template(
        "element that counts most",
        "wording.eigenstate_votes:describe_largest_effect",
        "the size of its effect is above 0.00 and all others",
    ),
    Template(
        "share of a sample",
        "wording.eigenstate_votes:format_share",
        "as 'share', with one decimal place below 10 %",
    ),
    # What if, compare.
    Template(
        "term that a change acts through",
        "panels.changed_decision:describe_mechanism",
        "its change is above 0.00 and all others in size",
    ),
    Template(
        "smallest turn of a knob",
        "panels.nearest_changes:describe_smallest_turn",
        "the smallest size found; 'flips' where running the model confirmed it",
    ),
    Template(
        "state moved",
        "panels.changed_decision:describe_state_change",
        "the angle; 'as it was' where it is 0.00 rad",
    ),
    Template(
        "what a change comes to",
        "panels.changed_decision:describe_outcome",
        "'flips' where the decision is another one after",
    ),
    Template(
        "classes of two decisions",
        "panels.compare:describe_predictions",
        "'both' where the classes are the same",
    ),
    Template(
        "difference of two decisions",
        "panels.compare:describe_difference",
        "the sum of the differences; the terms that go farthest its way, and those that hold a quarter back",
    ),
    Template(
        "share that differs",
        "panels.compare:describe_share_shift",
        "by a percentage point or more, of the largest difference",
    ),
    Template(
        "entropies of two decisions",
        "panels.compare:describe_entropy_difference",
        "more or less where the mean differs by 0.01 nats",
    ),
    Template(
        "largest term of several",
        "panels.sample_columns:list_largest_terms",
        "a largest term of every one of them",
    ),
    Template(
        "largest entropies of several",
        "panels.sample_columns:describe_largest_entropies",
        "its mean is above all others",
    ),
    # Dynamics.
    Template(
        "before and after a slider",
        "panels.tweak_effects:describe_tweaked_sample",
        "a change where it is 0.0005 or more and written, else 'unchanged to 0.001'; the decision in words",
    ),
    Template(
        "what a slider's modalities share",
        "panels.tweak_effects:correlation_change",
        "of the modalities that changed terms act on; of all together where these are more than two groups; "
        "log-negativity of one pair, or of one modality with the rest",
    ),
    Template(
        "likeliest basis state",
        "panels.state_at_time:describe_likeliest",
        "its population is above all others",
    ),
    Template(
        "term that a cut takes from",
        "panels.correlation_removal:describe_lost_terms",
        "the largest loss, 0.01 or more",
    ),
    Template(
        "cut of one sample",
        "wording.cuts:describe_cut",
        "the largest change of the score over modalities and times",
    ),
    Template(
        "cut over many samples",
        "wording.cuts:describe_cuts",
        "'yes' and 'hardly' where the interval excludes zero, 'no' where it lies within 0.0005, else not shown",
    ),
    Template(
        "modality whose cut moves most",
        "explain.cut_summaries:most_moved",
        "the largest change of the score",
    ),
    Template(
        "most mixed modality of two levels",
        "panels.states:describe_most_mixed",
        "the smallest length below 1.00",
    ),
    Template(
        "row that changes most",
        "panels.states:describe_largest_change",
        "its range over time is above 0.00 and all others",
    ),
    Template(
        "largest coherence",
        "panels.states:describe_largest_coherence",
        "its modulus is above 0.000 and all others",
    ),
    Template(
        "pairs that share most",
        "panels.jumps:describe_most_shared",
        "their mutual information is above 0.000 and all others",
    ),
    Template(
        "span of the levels",
        "panels.generator_terms:describe_spectrum_width",
        "'the same' where all levels are; else both spans",
    ),
    Template(
        "largest letter of an operator",
        "panels.generator_terms:describe_largest_coefficients",
        "its size is above 0.00 and all others",
    ),
    # Cohorts.
    Template(
        "term in which a cohort differs",
        "panels.cohort_contributions:describe_spread",
        "the difference of the means beyond chance, allowing for the number of terms",
    ),
    Template(
        "slice that stands out",
        "panels.wrong_samples:slice_title",
        "its score, allowing for the number of slices, lies above all",
    ),
    Template(
        "worst sample",
        "panels.wrong_samples:describe_largest_errors",
        "the largest error above 0.00",
    ),
    Template(
        "right without the misleading term",
        "panels.wrong_samples:describe_corrected",
        "how many of the wrong decisions listed are right as the sum of all other terms; 'none' of none",
        "test_misleading_terms.py",
    ),
    Template(
        "what misled, and how often",
        "panels.wrong_samples:describe_misleading_terms",
        "how many of the wrong decisions listed each term misled, the most frequent first; by no term "
        "apart",
    ),
    Template(
        "most frequent confusion",
        "panels.cohort_quality:describe_confusions",
        "the largest count off the diagonal",
    ),
    Template(
        "class that is separated from the rest",
        "panels.cohort_quality:describe_separation",
        "the class asked for, or the smallest area",
    ),
    Template(
        "certainty against accuracy",
        "panels.cohort_quality:describe_calibration",
        "they differ by more than two standard errors",
    ),
    Template(
        "residuals lean",
        "panels.cohort_quality:describe_residuals",
        "the slope is beyond 0.1 and two standard errors, of ten samples or more",
    ),
    Template(
        "error of a cohort",
        "report.cohort_report:compare_errors",
        "larger or smaller where the intervals do not overlap",
    ),
    Template(
        "type that is predicted worst",
        "panels.cohort_contributions:describe_worst_relation",
        "its interval lies above those of all others, or of another",
    ),
    Template(
        "of how many samples",
        "wording.numbers:describe_drawn",
        "'drawn at random' where not all are measured",
    ),
    Template(
        "two dimensions hold",
        "panels.sample_maps:describe_reduction",
        "part of the variance, or trustworthiness",
    ),
    # Faithfulness.
    Template(
        "our order against random ones",
        "wording.deletion:describe_beaten_orders",
        "'every' where all areas are above zero, at both, 'slightly' below 2% of the whole change; of drawn samples "
        "where both intervals exclude zero",
    ),
    Template(
        "score returns sooner",
        "wording.deletion:describe_return",
        "the number of random orders whose area is smaller; of drawn samples where the interval excludes zero",
    ),
    Template(
        "other ways to Shapley values",
        "panels.shapley_methods:describe_estimates",
        "'agrees' below 1e-9, 'in every digit' at 0",
    ),
    Template(
        "terms against the truth",
        "panels.planted_truth:describe_truth_correlation",
        "lowest and highest correlation that is defined",
    ),
    Template(
        "least stable term",
        "panels.seed_stability:describe_least_stable",
        "its correlation is below all others",
    ),
    Template(
        "signs over seeds",
        "panels.seed_stability:describe_sign_changes",
        "terms with values of both signs",
    ),
    Template(
        "caution: seeds",
        "explain.reliability:check_stability",
        "a mean rank correlation below 0.8 and so on",
    ),
    Template(
        "caution: truth",
        "explain.reliability:check_truth",
        "a rank correlation with the truth below 0.8",
    ),
    Template(
        "caution: seeds and truth",
        "explain.reliability:reconcile",
        "both an unstable order and a followed truth",
    ),
    Template(
        "caution: deletion",
        "explain.reliability:check_deletion",
        "ours does not beat every random order",
    ),
    Template(
        "caution: joint terms",
        "explain.reliability:check_joint",
        "joint terms are larger in 5 % of the samples",
    ),
    Template(
        "worth of an explanation",
        "wording.simulatability:describe_worth",
        "fewer samples where the interval of the factor lies above 1, more where below; no factor where the student "
        "learns nothing",
        STUDENTS,
    ),
    Template(
        "worth beyond the score",
        "wording.simulatability:describe_leak",
        "the interval of the factor against scores lies above or below 1; else nothing that could be shown",
        STUDENTS,
    ),
    Template(
        "worth of other attributions",
        "wording.simulatability:describe_rivals",
        "nothing where the interval of a factor includes 1",
        STUDENTS,
    ),
    Template(
        "control that helps",
        "wording.simulatability:describe_control",
        "the interval of the control's factor lies above 1, or true ones help and their factor beyond it is not shown; "
        "true ones beyond it where theirs lies above or below 1",
        STUDENTS,
    ),
    Template(
        "guessed decisions",
        "wording.decision_game:describe_guesses",
        "helped, or not, where the exact interval of the odds ratio excludes 1; else not shown",
        "test_app_guessing.py",
    ),
    Template(
        "sizes that give decisions away",
        "wording.decision_game:describe_giveaway",
        "the interval of what nearest neighbours tell, less the most frequent decision's share, lies above 0; else not "
        "shown",
        "test_app_guessing.py",
    ),
    Template(
        "own terms and people's labels",
        "wording.label_agreement:describe_label_trends",
        "the interval of the rank correlation excludes zero, and it lies beyond 95 % of shuffled labels; else not "
        "shown",
        PEOPLE,
    ),
    Template(
        "a model beside people: decisions and verdicts",
        "wording.crowd_comparison:describe_verdicts",
        "the interval of Cohen's kappa lies above or below 0; else not distinguishable from chance",
        BESIDE,
    ),
    Template(
        "who fuses more",
        "wording.crowd_comparison:describe_fusing",
        "the interval of the difference of the rates of joint verdicts excludes zero, and that of people and as many "
        "raters who vote with the model's probabilities does, too; else not shown",
        BESIDE,
    ),
    Template(
        "terms of a model and people's",
        "wording.crowd_comparison:describe_terms",
        "as own terms and people's labels",
        BESIDE,
    ),
    Template(
        "groups of clips that people fuse otherwise",
        "wording.crowd:describe_group_contrasts",
        "p < 0.05 after Holm's correction for all groups and terms; else not shown, with a bound",
        CROWD,
    ),
    Template(
        "conflicts that people call and verdicts",
        "wording.label_agreement:describe_verdict_trend",
        "the interval of the difference of the rates excludes zero, and it lies beyond 95 % of shuffled labels; "
        "else not shown",
        PEOPLE,
    ),
    Template(
        "second model and people's labels",
        "wording.label_agreement:describe_model_trends",
        "the interval of the paired difference excludes zero",
        PEOPLE,
    ),
    Template(
        "checks of a reviewer",
        "wording.review:describe_check",
        "the finding that the check came out with; faults and notes are decided by intervals, see `analysis.review`",
        REVIEW,
    ),
    Template(
        "faults of a review",
        "wording.review:summarise_review",
        "as many as there are; none is found, which is no proof that there is none",
        REVIEW,
    ),
    Template(
        "a sample and its labels",
        "wording.label_agreement:describe_sample_labels",
        "signs of labels that are known and not zero; a conflict where all are known",
        PEOPLE,
    ),
    Template(
        "no labels to compare with",
        "wording.label_agreement:explain_missing_labels",
        "there are none, or the target is a class, or the model takes no modality that has one",
        PEOPLE,
    ),
    Template(
        "slope of labels",
        "panels.label_agreement:describe_slopes",
        "the slope and its interval, where defined",
        PEOPLE,
    ),
    Template(
        "signs of labels",
        "panels.label_agreement:describe_sign_rates",
        "the share and its interval, beside shuffled labels",
        PEOPLE,
    ),
    # Data, training.
    Template(
        "samples by class", "panels.targets:describe_class_sizes", "smallest and largest class"
    ),
    Template(
        "lowest validation loss",
        "panels.learning_curves:describe_lowest_loss",
        "the lowest finite loss, to four digits",
    ),
    Template(
        "when a modality came to matter",
        "panels.learning_inside:describe_onsets",
        "the first measured epoch with a tenth of what all terms add by now",
    ),
    Template(
        "setting that matters most",
        "panels.sweep_panels:describe_importance",
        "its share of the differences is above 0 % and all others",
    ),
    Template(
        "report on values",
        "data.import_report:build_report",
        "counts of values, samples, features and classes",
    ),
    Template(
        "rate at which the loss falls", "training.rate_search:steepest", "the loss falls somewhere"
    ),
    # Who decided: of `explain.verdicts`, and of nothing else.
    Template(
        "who decided",
        "wording.verdicts:describe_decision",
        "the relation by the rules; nobody where training seeds leave the lead open",
        VERDICT,
    ),
    Template(
        "who decided, as a title",
        "wording.verdicts:describe_headline",
        "the same lead as the sentence",
        VERDICT,
    ),
    Template(
        "conflict",
        "wording.conflicts:describe_conflict",
        "yes where an own term opposes the largest with at least a third of its size",
        VERDICT,
    ),
    Template(
        "leader",
        "wording.verdicts:describe_leader",
        "the verdict names it, and its share is 10 points and two standard deviations over training seeds ahead",
        VERDICT,
    ),
    Template(
        "largest part",
        "wording.contributions:describe_largest",
        "as large as no other as it is written",
        VERDICT,
    ),
    Template(
        "what seeds leave open",
        "wording.verdicts:describe_seeds",
        "how many give the same verdict; the score is within two standard deviations of the boundary",
        VERDICT,
    ),
    Template(
        "leader of a mean",
        "panels.cohort_contributions:describe_leader",
        "the mean share is 10 points ahead",
        VERDICT,
    ),
    # Of the physics, and of statistics.
    Template(
        "what built the terms", "wording.building:describe_building", "the largest part", PHYSICS
    ),
    Template("most depends on", "panels.term_sensitivity:tornado", "the largest removal", PHYSICS),
    Template(
        "bends",
        "panels.term_sensitivity:term_response",
        "slope and removal of opposite signs",
        PHYSICS,
    ),
    Template("couplings", "panels.states:couplings", "the largest coupling", PHYSICS),
    Template("jumps", "panels.jumps:jump_times", "counted and exact jumps", PHYSICS),
    Template(
        "trajectories", "panels.trajectory_panels:trajectories", "the mean number of jumps", PHYSICS
    ),
    Template(
        "mean of trajectories",
        "panels.trajectory_panels:ensemble",
        "the largest distance in standard errors",
        PHYSICS,
    ),
    Template(
        "contraction within T",
        "panels.convergence:describe_contraction",
        "the mean rate of the pairs, apart from the gap",
        PHYSICS,
    ),
    Template(
        "contraction beside random generators",
        "panels.convergence:describe_random_comparison",
        "faster or slower than every one of them",
        PHYSICS,
    ),
    Template(
        "rate in the long run",
        "panels.convergence:describe_approach_rate",
        "the gap is above zero",
        PHYSICS,
    ),
    Template(
        "mixing time",
        "panels.convergence:describe_mixing_time",
        "the last of the pairs was seen to be near",
        PHYSICS,
    ),
    Template(
        "read-out of the steady state",
        "panels.convergence:describe_readout_dependence",
        "the steady state is unique",
        PHYSICS,
    ),
    Template("softmax", "wording.samples:describe_softmax", "never called a probability", PHYSICS),
    Template(
        "calibration",
        "panels.cohort_quality:describe_calibration",
        "the means differ by more than two standard errors",
        PHYSICS,
    ),
    Template(
        "class leads under noise",
        "panels.network:scores",
        "the error of the difference",
        STATISTICS,
    ),
    Template(
        "terms that stand out under noise",
        "panels.network:terms",
        "two standard errors",
        STATISTICS,
    ),
    Template(
        "entanglement and joint deciding",
        "wording.cohorts:describe_correlation",
        "the interval excludes zero",
        STATISTICS,
    ),
    Template(
        "who fuses", "wording.joint_shares:describe_joint_share", "the best models", STATISTICS
    ),
    Template(
        "planted contributions",
        "panels.leaderboard_results:planted_agreement",
        "the largest mean correlation",
        STATISTICS,
    ),
    Template(
        "gap and measured rate",
        "wording.generator_modes:describe_gap",
        "misleads where the measured rate is 1.5 gaps or more, or less than their inverse; a share has two digits",
        GENERATOR,
    ),
    Template(
        "gap in a title",
        "wording.generator_modes:title_gap",
        "as the sentence on the gap",
        GENERATOR,
    ),
    Template(
        "when the slowest mode dominates",
        "wording.generator_modes:describe_dominance",
        "by a bound on the other modes; never where the time is -1",
        GENERATOR,
    ),
    Template(
        "crossings",
        "wording.generator_modes:describe_crossings",
        "none only where no pair is reversed",
        GENERATOR,
    ),
    Template(
        "normality",
        "wording.generator_modes:describe_normality",
        "normal only where the departure is nothing; grows from 1 % on",
        GENERATOR,
    ),
    Template(
        "defective eigenvalues",
        "wording.generator_modes:describe_defects",
        "those with missing eigenvectors",
        GENERATOR,
    ),
    Template(
        "symmetries of a generator",
        "wording.generator_modes:describe_symmetries",
        "none where nothing but the trace is conserved",
        GENERATOR,
    ),
    Template(
        "simpler generators",
        "wording.generator_modes:describe_simpler",
        "a loss only where its interval excludes zero",
        GENERATOR,
    ),
    Template(
        "simpler generators in a title",
        "wording.generator_modes:title_simpler",
        "a loss only where its interval excludes zero",
        GENERATOR,
    ),
    Template(
        "needed jump operators",
        "wording.generator_modes:describe_jumps",
        "the rank of the Kossakowski matrix",
        GENERATOR,
    ),
    Template(
        "entropy production",
        "wording.generator_modes:describe_entropy",
        "a reason where there is none",
        GENERATOR,
    ),
    Template("board", "panels.leaderboard_results:results", "sorted by the mean", STATISTICS),
    Template(
        "published figure",
        "wording.papers:describe_verdict",
        "'below' or 'above' where the interval of the difference, with the figure as uncertain as ours, lies on that "
        "side under every metric compared; 'compatible' where it contains 0",
        PAPERS,
    ),
    Template(
        "best plain rival",
        "wording.papers:describe_rivals",
        "the best mean on the test rows as it is written, which it says; 'better' or 'worse' after Holm's correction",
        PAPERS,
    ),
    Template(
        "dozens of times fewer",
        "wording.papers:describe_claim",
        "24 times as many parameters after the encoders; rivals of its size are those not significantly worse",
        PAPERS,
    ),
    Template(
        "robustness", "panels.leaderboard_robustness:robustness", "the smallest change", STATISTICS
    ),
    Template(
        "condition of an exercise",
        "wording.exercises:describe_condition",
        "what its quantity, operator and value require; '0' of a size that is to be at most 0",
        EXERCISES,
    ),
    Template(
        "what an exercise has seen",
        "wording.exercises:describe_seen",
        "in digits that tell it from the bound; 0 within the tolerance",
        EXERCISES,
    ),
    Template(
        "outcome of an exercise",
        "wording.exercises:describe_outcome",
        "solved where all conditions are met",
        EXERCISES,
    ),
)
