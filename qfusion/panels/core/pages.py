"""The pages by title in small letters, with the question that each answers."""

QUESTIONS = {
    "overview": "Which modality decided, what did they say only together, and when did it happen?",
    "samples": "What did the model decide here, and which modality decided it?",
    "dynamics": "When is the decision made, and would it still be made if this coupling were weaker?",
    "circuit": "What does every gate do to this sample, and what would it have decided otherwise?",
    "what if": "What would the model have said otherwise, and what would flip its decision?",
    "decision operators": "What would a modality have to say for this decision, what against it, and which real "
    "samples say it?",
    "cohorts": "Is what one sample shows the rule, of all samples or of those like it, and does entanglement explain "
    "it?",
    "compare": "What makes two decisions differ?",
    "faithfulness": "How far can the explanations of this model be trusted, and when not?",
    "data": "What data are there, what is in them, and how do I bring my own?",
    "train": "How does a model learn, when does it start to use each modality, and which settings are better?",
    "sweeps": "Which settings work best on the validation rows, and which of them matter?",
    "leaderboard": "Which model does best on which data, and is it worth its parameters?",
    "guided tour": "What can I do here, in three minutes?",
    "glossary": "What does this word mean, and what is its formula?",
}
