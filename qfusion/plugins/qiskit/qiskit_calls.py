"""Calls of quantum neural networks of `qiskit_machine_learning` inside a user's model: recorded, or answered otherwise.

The user's code is not changed: while a model runs, `NeuralNetwork.forward` also serves this module. That finds
`EstimatorQNN` and `SamplerQNN` that are called as they are, inside `TorchConnector`, and inside classifiers and
regressors alike. Only the thread that records is concerned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch

from qfusion.adapters.gates import ObservedMethod
from qfusion.errors import translate_import_errors

with translate_import_errors():
    from qiskit import primitives
    from qiskit_machine_learning import connectors, neural_networks

Answer = Callable[[Any, np.ndarray, int], np.ndarray | None]


@dataclass(frozen=True, eq=False)
class NetworkCall:
    """One call of a network.

    Attributes:
        network: that was called.
        parameters: values of its circuit's parameters, inputs first, (B, P).
    """

    network: Any
    parameters: np.ndarray


@dataclass
class _Observer:
    answer: Answer | None
    calls: list[NetworkCall] = field(default_factory=list)
    count: int = 0


_method: ObservedMethod[_Observer] = ObservedMethod(neural_networks.NeuralNetwork, "forward")


@contextmanager
def recorded_calls() -> Iterator[list[NetworkCall]]:
    """Context manager that yields the list of the calls of networks inside its block, in their order."""
    with _method.replaced(_observed_forward, _Observer(None)) as observer:
        yield observer.calls


@contextmanager
def changed_calls(answer: Answer) -> Iterator[None]:
    """Context manager that answers calls of networks inside its block.

    Args:
        answer: takes a network, the values of its circuit's parameters (B, P), and the number of the call, from 0; and
            returns what the network's own evaluation would, (B, ...), or None to leave it to the network.
    """
    with _method.replaced(_observed_forward, _Observer(answer)):
        yield


def make_exact(model: torch.nn.Module) -> None:
    """Let every `TorchConnector` inside a copy of a module return double precision, where Qiskit's own rounds to
    single, and exact expectation values, where a simulator adds noise to them. It then raises RuntimeError instead of
    taking part in a gradient.
    """
    for module in model.modules():
        if isinstance(module, connectors.TorchConnector) and not module._sparse:
            module.__dict__["forward"] = partial(_forward_exactly, module)
            network = module.neural_network
            if adds_noise(network) and isinstance(
                network.estimator, primitives.StatevectorEstimator
            ):
                network.given_precision = network._default_precision
                network._default_precision = 0.0


def adds_noise(network: Any) -> bool:
    """Return whether a network's expectation values scatter, with the standard deviation `default_precision`."""
    is_exact = getattr(getattr(network, "estimator", None), "_exact_mode", False)
    return not is_exact and getattr(network, "default_precision", 0.0) > 0


def describe_precision(network: Any) -> str:
    """Return a sentence on the noise of a network's expectation values; empty where its user gave it none."""
    if hasattr(network, "given_precision"):
        return (
            "The copy of its EstimatorQNN that is explained has default_precision=0, so that its scores are exact; "
            f"with the model's own {network.given_precision:.3g} they scatter."
        )
    if not adds_noise(network):
        return ""
    return (
        f"Its EstimatorQNN adds noise of standard deviation {network.default_precision:.3g} to expectation values. "
        "With default_precision=0 and an estimator that simulates states, scores are exact and quicker."
    )


def _forward_exactly(connector: Any, inputs: torch.Tensor) -> torch.Tensor:
    if torch.is_grad_enabled() and inputs.requires_grad:
        raise RuntimeError("no gradients flow through this connector")
    weights = connector.weight.detach().numpy()
    result = connector.neural_network.forward(inputs.detach().numpy(), weights)
    tensor = torch.as_tensor(np.asarray(result), dtype=torch.float64)
    return tensor[0] if inputs.ndim == 1 else tensor


def _observed_forward(network: Any, input_data: Any, weights: Any) -> Any:
    observer = _method.observer
    if observer is None or not hasattr(network, "circuit"):
        return _method.original(network, input_data, weights)
    values, shape = network._validate_input(input_data)
    parameters, _ = network._preprocess_forward(values, network._validate_weights(weights))
    parameters = np.atleast_2d(np.asarray(parameters, dtype=float))
    number = observer.count
    observer.count += 1
    if observer.answer is None:
        observer.calls.append(NetworkCall(network, parameters))
        return _method.original(network, input_data, weights)
    result = observer.answer(network, parameters, number)
    if result is None:
        return _method.original(network, input_data, weights)
    return network._validate_forward_output(result, shape)
