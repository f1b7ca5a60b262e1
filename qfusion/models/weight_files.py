"""Weights that the user names, loaded into a module by their names."""

import re
from collections.abc import Mapping
from typing import Any

from qfusion._checks import check
from qfusion._sentences import count
from qfusion.errors import translate_errors

# of names of weights: what torch.compile and data-parallel training add
_WRAPPER = re.compile(r"^(?:(?:module|_orig_mod)\.)+|(?<=\.)_orig_mod\.")
_NAMED = 5  # weights in a message


def load_state(module: Any, state: Mapping[str, Any], what: str) -> None:
    """Load weights into a module by their names.

    Args:
        module: of torch. state: weights by name, with or without the prefixes that `torch.compile` ("_orig_mod.") and
            data-parallel training ("module.") add. A weight that the module has under several names is needed once.
        what: file of the weights, for messages.

    Raises:
        InvalidInput: when the weights are not those of the module. It names what is missing, unknown or of another
            shape.
    """
    own = module.state_dict(keep_vars=True)
    plain = {_WRAPPER.sub("", name): name for name in own}
    given = {
        name if name in own else plain.get(_WRAPPER.sub("", name), name): values
        for name, values in state.items()
    }
    tied = {id(own[name]): values for name, values in given.items() if name in own}
    given |= {
        name: tied[id(weight)]
        for name, weight in own.items()
        if name not in given and id(weight) in tied
    }
    missing, unknown = own.keys() - given.keys(), given.keys() - own.keys()
    causes = [
        f"{count(len(names), *words)} ({', '.join(sorted(names)[:_NAMED])}{', ...' * (len(names) > _NAMED)})"
        for names, words in (
            (missing, ("weight of it is missing", "weights of it are missing")),
            (unknown, ("weight is unknown to it", "weights are unknown to it")),
        )
        if names
    ]
    remedy = "Save the state_dict of the same model."
    check(not causes, f"{what} are not those of this model: {' and '.join(causes)}. {remedy}")
    with translate_errors(
        f"{what} are not those of this model", remedy, RuntimeError, why="{words:.400}"
    ):
        module.load_state_dict(given)
