"""What the record in tests/kept is of: links, sessions, figures, checkpoints and commands. Read by scripts/keep.py, which writes it."""

from __future__ import annotations

import re
from typing import Any

SARCASM = {"model": "qj-planted", "data": "planted", "sample": "p2924"}
PLANTED = {"model": "qj-planted", "data": "planted", "sample": "p0031"}
PAIR = {"model": "qj-parity", "data": "parity", "sample": "pair-6611"}
NETWORK = {"model": "qcnn-parity", "data": "parity", "sample": "pair-0003"}
DIGIT = {"model": "qcnn-digits", "data": "digits", "sample": "digit-0003", "background": "reference state"}  # quick against one state
MOSI = {"model": "qj-mosi", "data": "mosi", "sample": "03bSnISJMiM_5"}
DATA = {"qj-mosi": "mosi", "qcnn-avdigits": "avdigits", "qcnn-houston": "houston"}  # what models need that are of real data
RETRAINED = ("qj-avparity", "qcnn-avparity")  # trained again while this record was made

# Page and address; where a link is written by hand or as it was once written, it stands as text and is kept as it is.
LINKS: tuple[tuple[str, dict[str, Any]] | str, ...] = (
    ("", SARCASM),
    ("", {**PAIR, "background": "reference state"}),
    ("samples", {**SARCASM, "inside": "true", "background": "one other sample", "contrast": "p0004", "find": "good", "split": "all"}),
    ("samples", {**PLANTED, "cohort": ["hard:error>0.3", "torn:relation=conflict"], "background": "a saved cohort", "members": "torn",
                 "inside": "true", "inside.from": "another sample", "relation": ["conflict", "complement"]}),
    ("samples", NETWORK),
    ("samples", {**DIGIT, "output": "7", "inside": "true"}),
    ("samples", {**PAIR, "output": "odd", "split": "valid"}),
    ("samples", MOSI),
    ("dynamics", {**PLANTED, "H.text-audio": "0.5", "rate.1": "2", "T": "1.2", "background": "nothing known", "t": "0.4"}),
    ("dynamics", {**SARCASM, "as": "Shapley values", "above": "entanglement", "builtas": "over time", "cutterms": "true",
                  "H.audio-vision": "0", "fig.decision-over-time": "hide=text&x=0,0.6"}),
    ("dynamics", {**PAIR, "builtas": "flow", "background": "product of marginals"}),
    ("dynamics", {**SARCASM, "view": "Correlations", "H.text-audio": "0.5"}),
    ("dynamics", {**SARCASM, "view": "Trajectories", "runs": "8", "rate.2": "3"}),
    ("dynamics", {**PAIR, "view": "State", "of": "left"}),
    ("dynamics", {**PAIR, "view": "Steady state"}),
    ("dynamics", {**PAIR, "view": "What did it", "half": "true"}),
    ("dynamics", {**NETWORK, "as": "Shapley values", "layer": "input"}),
    ("dynamics", {**MOSI, "H.text-vision": "0"}),
    "/dynamics?explore=qj-planted&open=p0031&show=Correlations&turn=H.text=0.5,rate.2=0.25,T=1.2",
    "/dynamics?model=qj-planted&sample=p0031&H.text-audio=0&T=0.5&view=State",
    "/samples?explore=qj-parity&on=parity&open=pair-6611",
    ("circuit", {**PLANTED, "gate": "5", "steps": "10"}),
    ("circuit", {**DIGIT, "phi": "all:and,2.011=1.57", "part": "Walk", "gate": "40"}),
    "/circuit?explore=qcnn-digits&open=digit-0003&edits=all:and,3:learned,2.011=1.57&rules=Fusion+rules&background=reference+state",
    ("circuit", {**NETWORK, "part": "Noise and shots", "noise.damping": "0.02", "shots": "500"}),
    ("circuit", {**NETWORK, "part": "Entropies", "phi": "all:or"}),
    ("circuit", {**NETWORK, "part": "What did it"}),
    ("what_if", {**PLANTED, "do.text": "another sample's", "with.text": "p0004", "do.audio": "leave it out", "do.vision": "edit its state",
                 "set.vision.1": "0.4"}),
    ("what_if", {**PLANTED, "do.text": "edit the raw input", "do.audio": "nearest state that flips the decision"}),
    ("what_if", {**NETWORK, "do.left": "another sample's"}),
    ("what_if", {**PAIR, "knobs": "true"}),
    ("operators", {**PLANTED, "votes": "text with audio", "among": "valid"}),
    ("operators", NETWORK),
    ("cohorts", {**PLANTED, "filter": "relation=conflict; error>0.5", "by": "relation", "strength": "joint_share"}),
    ("cohorts", {**NETWORK, "filter": "error>0.2"}),
    ("compare", {**PLANTED, "pin": "qj-planted/planted/p0007/H.text=0.5,T=1.2", "H.text-audio": "0.5"}),
    ("compare", {**DIGIT, "pin": "qcnn-digits/digits/digit-0004/all:and", "phi": "all:or"}),
    ("faithfulness", {**PAIR, "proof.rank": "integrated gradients"}),
    ("faithfulness", {**PLANTED, "proof": "Truth"}),
    ("faithfulness", {**PLANTED, "proof": "Training seeds", "as": "Shapley values"}),
    ("faithfulness", {**PAIR, "proof": "Other methods", "proof.run": "true"}),
    ("leaderboard", {**PLANTED, "board": "digits"}),
    ("data", {"set": "digits"}),
    ("train", {"run": ["first", "older"]}),
    ("train", {"run": "first", "train.view": "Inside the model"}),
    ("train", {"run": ["first", "older"], "train.view": "Settings and results"}),
    ("sweeps", {"sweep": "search", "sweep.view": "Settings against value"}),
    ("glossary", {"used": "Dynamics"}),
    ("tour", {}),
)

# Sessions, by hand: what each page shows, the one that is saved on last, and settings of exported figures. The app reads them, shows every
# page and saves them anew; that file is kept.
SESSIONS: dict[str, tuple[dict[str, dict[str, Any]], dict[str, Any]]] = {
    "jump": ({"Samples": {**PLANTED, "split": "valid", "relation": ["conflict", "complement"]},
              "Cohorts": {**PLANTED, "filter": "relation=conflict; error>0.5"},
              "Compare": PLANTED,
              "Dynamics": {**PLANTED, "H.text-audio": "0.5", "rate.1": "2", "T": "1.2", "view": "Correlations",
                           "pin": "qj-planted/planted/p0007/H.text=0.5,T=1.2", "cohort": ["hard:error>0.3", "torn:relation=conflict"]}},
             {"figure.size": "double", "figure.theme": "grey", "figure.format": "pdf", "figure.font.double": 8}),
    "network": ({"What if": {**NETWORK, "background": "reference state", "do.left": "another sample's"},
                 "Compare": {**NETWORK, "background": "reference state"},
                 "Circuit": {**NETWORK, "background": "reference state", "phi": "2.01=1.57,3:and", "part": "Noise and shots",
                             "noise.readout": "0.02", "pin": "qcnn-parity/parity/pair-0001/all:and"}},
                {}),
}

# Figures: the file, the command that draws it without its `--out`. Those that end in .json are kept as the recipe alone.
FIGURES: dict[str, tuple[str, ...]] = {
    "waterfall.svg": ("--link", "/samples", {**SARCASM, "background": "one other sample", "contrast": "p0004"}, "--panel", "waterfall"),
    "decision-over-time.pdf": ("--link", "/dynamics", {
        **PLANTED, "H.text-audio": "0.5", "rate.1": "2", "T": "1.2", "background": "nothing known",
        "fig.decision-over-time": "hide=text&x=0,0.6"}, "--panel", "decision-over-time", "--theme", "grey"),
    "built.svg": ("--link", "/dynamics", PAIR, "--panel", "built", "--title", "--caption"),
    "shapley.png": ("--link", "/samples", PAIR, "--panel", "shapley"),
    "tables.json": ("--link", "/circuit", {**NETWORK, "part": "Fusion rules", "phi": "all:and,2.01=1.57"}, "--panel", "tables"),
    "differences.pdf": ("--link", "/compare", {**PLANTED, "pin": "qj-planted/planted/p0007/H.text=0.5,T=1.2"}, "--panel", "differences",
                        "--theme", "dark", "--size", "double"),
    "shares.svg": ("--link", "/cohorts", {**PAIR, "cohort": ["sure:error<0.1"], "filter": "truth=odd"}, "--panel", "cohort-shares"),
    "telling.html": ("--link", "/", SARCASM, "--panel", "telling-waterfall-conflict"),
    "mosi.json": ("--link", "/samples", MOSI, "--panel", "shapley"),
    "by-name.svg": ("--model", "qj-parity", "--sample", "pair-6611", "--view", "cut", "--tweak", "H.left-right=0.5,rate.1=2,T=1.2"),
    "by-name.pdf": ("--model", "qcnn-digits", "--sample", "digit-0003", "--view", "contributions", "--tweak", "all:and,2.011=1.57",
                    "--background", "zero", "--output", "7", "--hide", "pixels"),
}

SMALL = ("hidden=4", "epochs=1")
CHECKPOINTS: dict[str, tuple[str, str, tuple[str, ...]]] = {  # kind of model, data, settings
    "jump": ("quantum-jump", "planted", ("dims=2,2,2", "jumps=2", "measurements=4")),
    "jump-joint": ("quantum-jump", "planted", ("dims=2,2,2", "jumps=2", "measurements=4", "readout=joint", "pooling=attention",
                                               "head_scale=2")),
    "jump-pictures": ("quantum-jump", "parity", ("dims=2,3", "evolution=unitary", "readout=single", "read=left", "encoder=cnn-pool")),
    "jump-sampled": ("quantum-jump", "parity", ("dims=2,2", "dynamics=jumps", "trajectories=2", "steps=5", "body=1", "encoder=cnn")),
    "network": ("entangled-qcnn", "digits", ("elements=2",)),
    "network-separate": ("entangled-qcnn", "parity", ("elements=2", "tables=separate", "rule=and", "encoder=cnn-norm", "start=classes")),
    "product": ("product-qcnn", "digits", ("elements=2",)),
    "late": ("late", "planted", ()),
    "concatenation": ("concatenation", "planted", ("features=2", "width=4")),
    "tensor": ("tensor", "planted", ("features=2", "width=4")),
    "low-rank": ("low-rank", "planted", ("features=2", "rank=2")),
    "mult": ("mult", "planted", ("features=4", "heads=2", "tokens=2", "width=4")),
    "linear": ("linear", "digits", ()),
}
# What cards did not say yet when read-outs were no setting; such a model reads the joint state.
LATER = ("encoder", "input_dropout", "readout", "read", "head_scale")

DRAWN = 1e-4  # relative: of estimates from samples, on which rounding has a larger effect
LOOSE = 1e-3  # relative: what is trained anew is single precision, and its sums may be formed in another order
# Name, words; `{out}` is a folder of the test's own, which the commands after it see, `{kept}` that of the record.
COMMANDS: dict[str, str] = {
    "models": "models --json",
    "data list": "data list --json",
    "data check": "data check planted --json",
    "data check digits": "data check digits",
    "data check parity3": "data check parity3 --json",
    "data check file": "data check {kept}/files/views.npz --json",
    "data import": "data import {kept}/files/tables --name kept-tables --check-only --json",
    "data import one by one": "data import --modality text={kept}/files/tables/text.csv --labels {kept}/files/tables/labels.csv "
                              "--name kept-one --target regression --repair fill-median --format tables --json",
    "data check imported": "data check kept-one --json",
    "data remove": "data remove kept-one --json",
    "evaluate": "evaluate --model qj-planted --split test --json",
    "evaluate disturbed": "evaluate --model qj-planted --split valid --missing text --noise audio=0.5 --swap vision --seed 3 --json",
    "evaluate network": "evaluate --model qcnn-parity --data parity --missing left --json",
    "evaluate trained rows": "evaluate --model qj-parity --split train --swap left",
    "evaluate digits": "evaluate --model qcnn-digits --json",
    "evaluate mosi": "evaluate --model qj-mosi --json",
    "evaluate avdigits": "evaluate --model qcnn-avdigits --json",
    "evaluate houston": "evaluate --model qcnn-houston --json",
    "evaluate card": "evaluate --model {kept}/checkpoints/linear.json --json",
    "evaluate file": "evaluate --model {kept}/checkpoints/network.json --data digits --split valid --noise pixels=0.5 --json",
    "explain": "explain --model qj-planted --sample p2924 --json",
    "explain as a table": "explain --model qj-planted --sample p2924",
    "explain contrast": "explain --model qj-planted --sample p2924 --contrast p0007 --json",
    "explain product": "explain --model qj-planted --sample p2924 --background product --missing audio --json",
    "explain mixed": "explain --model qj-parity --sample pair-6611 --output odd --background mixed --noise left=0.5 --seed 2 --json",
    "explain zero": "explain --model qcnn-digits --sample digit-0003 --output 7 --background zero --json",
    "explain network": "explain --model qcnn-parity --sample pair-0003 --swap left --json",
    "explain mosi": "explain --model qj-mosi --sample 03bSnISJMiM_5 --json",
    "explain physics and cut": "explain --model qj-planted --sample p2924 --physics --cut all --times 5 --json",
    "explain cut": "explain --model qj-parity --sample pair-6611 --cut left --json",
    "explain physics of a split": "explain --model qj-parity --split test --physics --json",
    "explain a split": "explain --model qj-planted --split test --out {out}/split.csv --json",
    "explain a split of a network": "explain --model qcnn-parity --split valid --output odd --out {out}/split.parquet --json",
    "track": "track --model qj-planted --sample p2924 --times 21 --out {out}/track.csv --json",
    "track trajectories": "track --model qj-parity --sample pair-6611 --times 11 --trajectories 4 --seed 3 --out {out}/track.parquet "
                          "--json",
    "figure over-time": "figure --model qj-planted --sample p2924 --view over-time --tweak H.text-audio=0.5,rate.1=2,T=1.2 "
                        "--out {out}/over-time.json --json",
    "figure of a network over-time": "figure --model qcnn-parity --sample pair-0003 --view over-time --tweak all:and,2.01=1.57 "
                                     "--out {out}/layers.json",
    "figure contributions": "figure --model qj-planted --sample p2924 --view contributions --contrast p0007 --out {out}/contributions.json",
    "figure shapley": "figure --model qcnn-digits --sample digit-0003 --view shapley --background zero --output 7 --out {out}/shapley.json",
    "figure cut": "figure --model qj-planted --sample p2924 --view cut --out {out}/cut.json",
    "figure cut-terms": "figure --model qj-parity --sample pair-6611 --view cut-terms --out {out}/cut-terms.json",
    "figure cut-test": "figure --model qj-parity --sample pair-6611 --view cut-test --out {out}/cut-test.json",
    "figure built": "figure --model qj-planted --sample p2924 --view built --background product --out {out}/built.json",
    "figure built-over-time": "figure --model qj-parity --sample pair-6611 --view built-over-time --out {out}/built-over-time.json",
    "figure built-flow": "figure --model qj-parity --sample pair-6611 --view built-flow --out {out}/built-flow.svg --json",
    "figure as svg": "figure --model qj-parity --sample pair-6611 --view contributions --size double --theme grey --font 8 --title "
                     "--caption --hide left --engine qfusion --out {out}/contributions.svg --json",
    "figure link": "figure --link http://localhost:8501/samples?model=qj-parity&sample=pair-6611 --panel entropies --dpi 300 "
                   "--out {out}/entropies.png --json",
    "figure recipe": "figure --recipe {kept}/recipes/by-name.svg --anyway --theme dark --out {out}/again.pdf --json",
    "report": "report --model qj-parity --sample pair-6611 --out {out}/pair.html --json",
    "report tweaked": "report --model qj-planted --sample p2924 --tweak H.text-audio=0.5,rate.1=2,T=1.2 --background product "
                      "--out {out}/tweaked.html --json",
    "report of a network": "report --model qcnn-parity --sample pair-0003 --tweak all:and,2.01=1.57 --contrast pair-0001 "
                           "--out {out}/network.html --json",
    "report of a cohort": "report --model qj-parity --cohort 'truth=odd; error>0.2' --out {out}/cohort.html --json",
    "export checkpoint": "export --model qj-planted --set H.text-audio=0.5 --set rate.1=2 --set T=1.2 --format checkpoint "
                         "--out {out}/weaker.json --json",
    "evaluate an exported one": "evaluate --model {out}/weaker.json --json",
    "export checkpoint zip": "export --model qcnn-parity --set all:or,2.01=1.57 --format checkpoint --out {out}/rules.zip --json",
    "export torch": "export --model qj-parity --set H.left-right=0.5 --format torch --out {out}/jump.pt2 --json",
    "export torch single": "export --model qcnn-parity --set all:and --format torch --precision single --out {out}/network.pt2 --json",
    "export qutip": "export --model qj-planted --sample p2924 --set H.text-audio=0.5 --format qutip --out {out}/physics.qu --json",
    "export openqasm3": "export --model qcnn-digits --sample digit-0003 --set all:and --format openqasm3 --out {out}/three.qasm --json",
    "export openqasm2": "export --model qcnn-parity --sample pair-0003 --set 2.01=1.57 --format openqasm2 --out {out}/two.qasm --json",
    "export numpy": "export --model qj-parity --sample pair-6611 --set T=1.2 --format numpy --out {out}/jump.npz --json",
    "export numpy of a network": "export --model qcnn-parity --sample pair-0003 --set 3:and --format numpy --out {out}/network.npz --json",
    "train": "train --data parity --model quantum-jump --seed 1 --out {out}/jump --set epochs=1 --set dims=2,2 --set hidden=4 --json",
    "evaluate a trained one": "evaluate --model {out}/jump --json",
    "train config": "train --config {kept}/files/train.toml --seed 2 --set rate=0.01 --name kept-linear --device cpu --json",
    "train find-rate": "train --data digits --model concatenation --find-rate --set features=4 --set width=4 --set hidden=4 --json",
    "sweep": "sweep --name kept-search --data digits --model linear --trials 2 --range rate=1e-3:1e-1:log "
             "--choice schedule=cosine,constant --set epochs=1 --metric accuracy --seed 5 --json",
    "sweep that is there": "sweep --name search --json",
    "explain a sampled one": "explain --model {kept}/checkpoints/jump-sampled.json --sample pair-6601 --json",
    "explain an older one": "explain --model {kept}/checkpoints/jump-older.json --sample p0031 --json",
}
# Commands that read what another one wrote.
AFTER = {"data check imported": "data import one by one", "data remove": "data import one by one",
         "evaluate an exported one": "export checkpoint", "evaluate a trained one": "train"}
ANEW = re.compile(r"^(train|sweep|evaluate a trained one)")  # of what is trained anew: see `LOOSE`
