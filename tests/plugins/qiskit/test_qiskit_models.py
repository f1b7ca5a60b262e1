"""Models of Qiskit: networks of qiskit_machine_learning, bare circuits and OpenQASM, and the noise of devices."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import time
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import qfusion
from qfusion import explain
from qfusion.errors import InvalidInput, NotFound

qiskit = pytest.importorskip("qiskit", reason="needs the extra `qiskit`")
pytest.importorskip("qiskit_machine_learning", reason="needs the extra `qiskit`")

from qiskit import QuantumCircuit, qasm2, quantum_info  # noqa: E402
from qiskit.circuit import Parameter, ParameterVector, library  # noqa: E402
from qiskit.circuit.library import real_amplitudes, zz_feature_map  # noqa: E402
from qiskit.primitives import StatevectorEstimator  # noqa: E402
from qiskit.quantum_info import SparsePauliOp  # noqa: E402
from qiskit_machine_learning.connectors import TorchConnector  # noqa: E402
from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN  # noqa: E402

from qfusion.adapters import trial  # noqa: E402
from qfusion.models.tweak import UNCHANGED, CircuitChange  # noqa: E402
from qfusion.plugins.qiskit import qiskit_calls, qiskit_gates  # noqa: E402
from qfusion.plugins.qiskit.bare_circuits import circuit_model  # noqa: E402
from qfusion.quantum import statevector  # noqa: E402
from qfusion.views import circuit as circuit_views  # noqa: E402
from qfusion.views.pages.panel import drawn  # noqa: E402
from qfusion.views.qubits import (  # noqa: E402
    entropy_gates,
    mutual_gates,
)

SIZES = {"text": 3, "audio": 5}


def table(rows: int = 24, **sizes: int) -> dict[str, np.ndarray]:
    """Random features and labels of two classes."""
    random = np.random.default_rng(0)
    data = {name: random.normal(size=(rows, size)) for name, size in (sizes or SIZES).items()}
    return {**data, "y": np.arange(rows) % 2}


def feature_circuit(qubits: int = 4, repeats: int = 1) -> tuple[Any, list[Any], list[Any]]:
    """A circuit as in Qiskit's tutorials, with its inputs and its weights."""
    inputs = zz_feature_map(qubits)
    weights = real_amplitudes(qubits, reps=repeats)
    circuit = QuantumCircuit(qubits)
    circuit.compose(inputs, inplace=True)
    circuit.compose(weights, inplace=True)
    return circuit, list(inputs.parameters), list(weights.parameters)


def parity(outcome: int) -> int:
    """The parity of the bits of an outcome."""
    return f"{outcome:b}".count("1") % 2


class Hybrid(torch.nn.Module):
    """Linear layers around a quantum network."""

    def __init__(self, network: Any):
        super().__init__()
        torch.manual_seed(0)
        self.text, self.audio = torch.nn.Linear(3, 2), torch.nn.Linear(5, 2)
        self.quantum = TorchConnector(network)
        self.head = torch.nn.Linear(2, 2)

    def forward(self, text: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
        both = torch.cat([self.text(text), self.audio(audio)], 1)
        return self.head(self.quantum(both))


def estimator() -> EstimatorQNN:
    circuit, inputs, weights = feature_circuit()
    words = [SparsePauliOp(["ZZII", "IXXI"], [1.0, 0.5]), SparsePauliOp("IIYZ")]
    return EstimatorQNN(
        circuit=circuit, input_params=inputs, weight_params=weights, observables=words
    )


def sampler() -> SamplerQNN:
    circuit, inputs, weights = feature_circuit()
    return SamplerQNN(
        circuit=circuit,
        input_params=inputs,
        weight_params=weights,
        interpret=parity,
        output_shape=2,
    )


WEIGHTS = np.linspace(-1, 2, 8)


def sampler_function(x: torch.Tensor) -> Any:
    return SAMPLER.forward(x.numpy(), WEIGHTS)


SAMPLER = sampler()


@pytest.fixture(scope="module")
def hybrid() -> Any:
    return qfusion.open(Hybrid(estimator()), table(), name="hybrid")


@pytest.fixture(scope="module")
def sampled() -> Any:
    data = table(text=2, audio=2)
    return qfusion.open(sampler_function, data, name="sampled", call="joined")


def brute_force(call: Any, study: Any, sample: Any, output: int) -> dict[str, float]:
    """Contributions by the definition, over the rows of the study's background."""
    names = study.modalities
    rows = study.sample_background.states
    own = study.trained.encode(study.inputs(np.array([study.dataset.row(sample)])))
    value = {}
    for size in range(len(names) + 1):
        for subset in itertools.combinations(names, size):
            mixed = {
                name: own[name].expand_as(rows[name]) if name in subset else rows[name]
                for name in names
            }
            value[subset] = call(mixed)[:, output].mean()
    return {
        "+".join(subset): sum(
            (-1) ** (len(subset) - len(inner)) * value[inner]
            for inner in value
            if set(inner) <= set(subset)
        )
        for subset in value
    }


def qiskit_states(flat: qiskit_gates.FlatCircuit, values: np.ndarray) -> list[np.ndarray]:
    """The states after every gate by Qiskit's own simulator, qubit 0 most significant."""
    circuit = QuantumCircuit(flat.qubits)
    states = []
    for gate in flat.gates:
        circuit.append(gate.operation, gate.wires)
    bound = circuit.assign_parameters(
        {p: values[k] for k, p in enumerate(flat.parameters) if p in circuit.parameters}
    )
    state = quantum_info.Statevector.from_int(0, 2**flat.qubits)
    for instruction in bound.data:
        places = [bound.find_bit(qubit).index for qubit in instruction.qubits]
        state = state.evolve(instruction.operation, places)
        array = state.data.reshape((2,) * flat.qubits)
        states.append(array.transpose().reshape(-1))
    return states


@pytest.mark.parametrize("which", ["hybrid", "sampled"])
def test_states_after_every_gate_equal_those_of_qiskit(which, request):
    study = request.getfixturevalue(which)
    source = study.trained.source
    sample = study.inputs(np.array([3]))
    values = source.parameters(sample)[0]
    gates = source.gates(sample, UNCHANGED)
    flat = source.circuit
    assert source.labels == tuple(range(4))
    own = list(statevector.apply_circuit(gates, flat.qubits))[1:]
    other = qiskit_states(flat, values)
    assert len(own) == len(other) == len(gates)
    for mine, theirs in zip(own, other, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs, atol=1e-12)
    with qiskit_calls.recorded_calls() as calls:
        source.call(sample)
    network = calls[0].network
    # and the whole is the network's circuit, up to its global phase
    whole = network.circuit.remove_final_measurements(inplace=False)
    names = [*network.input_params, *network.weight_params]
    whole = whole.assign_parameters(dict(zip(names, values, strict=True)))
    whole = quantum_info.Statevector(whole)
    assert abs(np.vdot(whole.data, other[-1].reshape((2,) * 4).transpose().reshape(-1))) == (
        pytest.approx(1, abs=1e-12)
    )


@pytest.mark.parametrize("which", ["hybrid", "sampled"])
def test_contributions_equal_brute_force(which, request):
    study = request.getfixturevalue(which)
    for sample in study.dataset.ids[:2]:
        for output in range(2):
            own = study.sample(str(sample), output=output).dividends
            expected = brute_force(partial(own_scores, study), study, str(sample), output)
            for name, value in own.items():
                assert value == pytest.approx(expected[name], abs=1e-10)
    assert isinstance(study.trained.call, trial.QuickCall)


def own_scores(study: Any, features: Any) -> np.ndarray:
    """Scores of a user's model by its own evaluation, as they are explained."""
    model = copy.copy(study.model)
    model.call = model.source.call
    return np.asarray(model.scores(features))


def test_the_circuit_has_the_gates_of_the_decomposed_circuit(hybrid):
    circuit, *_ = feature_circuit()
    names = [qiskit_gates.NAMES[i.operation.name] for i in circuit.data]
    model = hybrid.trained
    gates = model.gates(model.encode(hybrid.inputs(np.array([0]))))
    assert [gate.name for gate in gates] == names
    assert [gate.wires for gate in gates] == [
        tuple(circuit.find_bit(q).index for q in i.qubits) for i in circuit.data
    ]
    roles = model.gate_roles()
    assert {"text", "audio", "text+audio", "trained", ""} == set(roles)
    assert model.registers() == {"text": 2, "audio": 2}
    trained = [place for place, role in enumerate(roles) if role == "trained"]
    assert list(model.source.trainable()) == trained
    assert len(trained) == 8


def test_entropies_equal_qutip(hybrid):
    qutip = pytest.importorskip("qutip", reason="needs the extra `track`")
    from qfusion.simulate import gate_replay

    model = hybrid.trained
    gates = model.gates(model.encode(hybrid.inputs(np.array([0]))))
    replayed = gate_replay.replay_gates(gates, model.registers())
    for place, psi in enumerate(statevector.apply_circuit(gates, 4)):
        whole = qutip.Qobj(psi.numpy(), dims=[[2] * 4, [1] * 4])
        expected = [qutip.entropy_vn(whole.ptrace([qubit])) for qubit in range(4)]
        np.testing.assert_allclose(replayed.entropy[place], expected, atol=1e-10)


def test_a_change_runs_as_the_changed_circuit_of_qiskit(hybrid):
    source = hybrid.trained.source
    sample = hybrid.inputs(np.array([0, 1]))
    place = next(iter(source.trainable()))
    change = CircuitChange(((place, "angle", 0.7),))
    with qiskit_calls.recorded_calls() as calls:
        source.call(sample)
    values = calls[0].parameters.copy()
    (weight,) = source.circuit.gates[place].parameters
    values[:, weight] = 0.7
    expected = calls[0].network.forward(values[:, :4], values[0, 4:])
    columns = source.columns(sample, change)
    head = source.call.model.head
    with torch.no_grad():
        own = head(torch.as_tensor(expected))
    np.testing.assert_allclose(columns, own, atol=1e-6)
    assert len(
        source.gates(hybrid.inputs(np.array([0])), CircuitChange(removed=frozenset({5})))
    ) == (len(source.gates(hybrid.inputs(np.array([0])))) - 1)


def test_noise_and_shots_of_networks(hybrid, sampled):
    for study in (hybrid, sampled):
        source = study.trained.source
        sample = study.inputs(np.array([0, 1]))
        exact = source.columns(sample, UNCHANGED)
        np.testing.assert_allclose(exact, source.call(sample), atol=1e-6)
        noisy = source.columns(sample, CircuitChange(depolarising=1.0))
        for row in range(2):  # nothing of the sample is left
            np.testing.assert_allclose(noisy[row], noisy[0], atol=1e-6)
        assert (source.columns(sample, CircuitChange(readout=0.1)) - exact).abs().max() > 1e-3
        many = source.columns(sample, CircuitChange(shots=200_000, seed=1))
        assert 0 < (many - exact).abs().max() < 0.02
        again = source.columns(sample, CircuitChange(shots=200_000, seed=1))
        assert torch.equal(many, again)


def test_noise_equals_that_of_aer(sampled):
    aer = pytest.importorskip("qiskit_aer", reason="needs the extra `devices`")
    noise = pytest.importorskip("qiskit_aer.noise", reason="needs the extra `devices`")
    source = sampled.trained.source
    sample = sampled.inputs(np.array([0]))
    gates = source.gates(sample)
    circuit = QuantumCircuit(4)
    depolarising = noise.depolarizing_error(0.05, 1)
    damping = noise.amplitude_damping_error(0.1)
    flip = noise.pauli_error([("X", 0.03), ("I", 0.97)])
    for gate in gates:
        matrix = qiskit_gates.reorder(gate.matrix.numpy())
        circuit.unitary(matrix, gate.wires)
        if len(gate.wires) > 1:
            for wire in gate.wires:
                circuit.append(depolarising.to_instruction(), [wire])
                circuit.append(damping.to_instruction(), [wire])
    for wire in range(4):
        circuit.append(flip.to_instruction(), [wire])
    circuit.save_probabilities()
    chances = (
        aer.AerSimulator(method="density_matrix").run(circuit).result().data()["probabilities"]
    )
    expected = [
        sum(chance for key, chance in enumerate(chances) if parity(key) == k) for k in range(2)
    ]
    own = source.columns(sample, CircuitChange(depolarising=0.05, damping=0.1, readout=0.06))
    np.testing.assert_allclose(own[0], expected, atol=1e-10)


@pytest.mark.parametrize("name", sorted(library.standard_gates.get_standard_gate_name_mapping()))
def test_matrices_of_standard_gates(name):
    qml = pytest.importorskip("pennylane", reason="needs the extra `track`")
    operation = library.standard_gates.get_standard_gate_name_mapping()[name]
    if name in ("measure", "reset", "delay", "global_phase", "id"):
        return
    angles = np.random.default_rng(1).uniform(-3, 3, (5, len(operation.params)))
    circuit = QuantumCircuit(operation.num_qubits)
    parameters = [Parameter(f"p{k}") for k in range(angles.shape[1])]
    circuit.append(operation.base_class(*parameters), range(operation.num_qubits))
    bound = qiskit_gates.BoundCircuit(qiskit_gates.flatten(circuit), angles)
    matrices = bound.matrices(0).numpy()
    gate = bound.gates()[0]
    for row, matrix in zip(
        angles, np.broadcast_to(matrices, (5, *matrices.shape[1:])), strict=True
    ):
        expected = operation.base_class(*row).to_matrix()
        reversed_ = QuantumCircuit(operation.num_qubits)
        reversed_.append(operation.base_class(*row), range(operation.num_qubits))
        expected = quantum_info.Operator(reversed_).reverse_qargs().data
        np.testing.assert_allclose(matrix, expected, atol=1e-14)
    known = getattr(qml, gate.name, None)
    if known is not None:
        operator = known(*gate.values.values(), wires=list(gate.wires))
        np.testing.assert_allclose(qml.matrix(operator), gate.matrix.numpy(), atol=1e-12)


def test_expressions_of_parameters_equal_those_of_qiskit():
    x, y = Parameter("x[0]"), Parameter("π-y")
    expressions = [2 * (np.pi - x) * (np.pi - y), x.sin() + y**2 / 3, -x, abs(x) - y.exp(), 0.1 * x]
    values = np.random.default_rng(0).normal(size=(40, 2))
    for expression in expressions:
        own = qiskit_gates.evaluate(expression, [x, y], values)
        for row, value in zip(values, own, strict=True):
            binding = {p: v for p, v in zip([x, y], row, strict=True) if p in expression.parameters}
            assert value == pytest.approx(float(expression.bind(binding)), abs=1e-14, rel=1e-15)


def test_blocks_are_decomposed_and_numbers_of_qubits_kept():
    circuit = QuantumCircuit(5)
    circuit.append(library.QFTGate(4), [3, 1, 0, 2])
    circuit.append(library.XGate().control(3, ctrl_state=2), [0, 1, 2, 4])
    circuit.prepare_state([0.6, 0, 0, 0.8j], [1, 3])
    circuit.unitary(quantum_info.random_unitary(8, seed=1), [4, 0, 2])
    circuit.barrier()
    circuit.measure_all()
    flat = qiskit_gates.flatten(circuit)
    gates = qiskit_gates.BoundCircuit(flat, np.zeros((1, 0))).gates()
    *_, own = statevector.apply_circuit(gates, 5)
    bare = circuit.remove_final_measurements(inplace=False)
    state = quantum_info.Statevector(bare).data.reshape((2,) * 5).transpose().reshape(-1)
    assert abs(np.vdot(own.numpy(), state)) == pytest.approx(1, abs=1e-12)
    assert flat.measured == {k: k for k in range(5)}


def test_circuits_that_are_no_unitary_gates_say_why():
    middle = QuantumCircuit(2, 1)
    middle.h(0)
    middle.measure(0, 0)
    middle.x(0)
    with pytest.raises(InvalidInput, match="measured before its gate x"):
        qiskit_gates.flatten(middle)
    reset = QuantumCircuit(1)
    reset.h(0)
    reset.reset(0)
    with pytest.raises(InvalidInput, match="is reset after gates"):
        qiskit_gates.flatten(reset)
    control = QuantumCircuit(2, 1)
    control.measure(0, 0)
    with control.if_test((control.clbits[0], 1)):
        control.x(1)
    with pytest.raises(InvalidInput, match="classical control"):
        qiskit_gates.flatten(control)
    opaque = QuantumCircuit(2)
    opaque.append(qiskit.circuit.Gate("mystery", 2, []), [0, 1])
    with pytest.raises(InvalidInput, match="mystery"):
        qiskit_gates.flatten(opaque)
    text = 'OPENQASM 2.0; include "qelib1.inc"; gate g0 a { x a; }\n'
    text += "\n".join(f"gate g{k + 1} a {{ {f'g{k} a; ' * 8} }}" for k in range(30))
    bomb = qasm2.loads(text + " qreg q[1]; g30 q[0];")
    with pytest.raises(InvalidInput, match="more than"):
        qiskit_gates.flatten(bomb)


def test_a_network_is_a_model_where_it_holds_its_weights():
    circuit, inputs, weights = feature_circuit(2)
    network = EstimatorQNN(circuit=circuit, input_params=inputs, weight_params=weights)
    data = table(12, a=1, b=1)
    with pytest.raises(InvalidInput, match="does not hold its 4 weights"):
        qfusion.open(network, data)
    bound = circuit.assign_parameters(dict(zip(weights, WEIGHTS, strict=False)))
    whole = EstimatorQNN(circuit=bound, input_params=inputs)
    study = qfusion.open(whole, data)
    assert study.trained.source.facts.library == "Qiskit"


def test_an_estimator_with_shots_is_repeated():
    circuit, inputs, weights = feature_circuit(2)
    network = EstimatorQNN(
        circuit=circuit,
        estimator=StatevectorEstimator(),
        input_params=inputs,
        weight_params=weights,
        default_precision=0.01,
    )
    study = qfusion.open(lambda x: network.forward(x.numpy(), WEIGHTS[:4]), table(12, a=1, b=1))
    assert study.trained.repeats > 1
    assert not isinstance(study.trained.call, trial.QuickCall)
    assert "With default_precision=0" in study.card["notes"]


@pytest.mark.parametrize(("precision", "words"), [(0.015625, "0.0156"), (0.2, "0.2")])
def test_a_module_is_explained_without_the_noise_of_a_simulator(precision, words):
    circuit, inputs, weights = feature_circuit(2)
    common = dict(circuit=circuit, input_params=inputs, weight_params=weights)
    noisy = EstimatorQNN(**common, estimator=StatevectorEstimator(), default_precision=precision)
    exact = EstimatorQNN(**common, estimator=StatevectorEstimator(), default_precision=0)
    studies = [
        qfusion.open(TorchConnector(network, WEIGHTS[:4]), table(12, a=1, b=1))
        for network in (noisy, exact)
    ]
    assert noisy.default_precision == precision
    assert studies[0].trained.repeats == 1
    np.testing.assert_allclose(studies[0].scores, studies[1].scores, atol=1e-9)
    said = f"default_precision=0, so that its scores are exact; with the model's own {words}"
    assert said in studies[0].card["notes"]
    assert "precision" not in studies[1].card["notes"]


OPENQASM_2 = """OPENQASM 2.0;
include "qelib1.inc";
// two registers
gate maj x,y,z { cx z,y; cx z,x; ccx x,y,z; }
qreg text[2]; qreg audio[2]; creg c[2];
h text[0]; rx(pi/3) text[1]; u3(0.1,-0.2,2*pi/5) audio[0]; maj text[0],audio[1],text[1];
cu1(0.3) audio[0],text[0]; barrier text; sx audio[1];
measure audio -> c;
"""
OPENQASM_3 = """OPENQASM 3.0;
include "stdgates.inc";
input float[64] a;
input float[64] b;
input float[64] w;
qubit[3] q;
bit[3] c;
ry(a) q[0];
rx(2 * b + 0.5) q[1];
for int i in [0:2] { rz(0.1 * i) q[2]; cx q[0], q[1]; }
ctrl @ ry(w) q[1], q[2];
h q;
c = measure q;
"""


def statevector_of(circuit: Any, values: Any) -> quantum_info.Statevector:
    names = {parameter.name: parameter for parameter in circuit.parameters}
    bound = circuit.assign_parameters({names[name]: value for name, value in values.items()})
    return quantum_info.Statevector(bound)


@pytest.mark.parametrize(
    "read", ["Z", ["XIZ", "IYI"], ["000", "101"], {"a": ["000", "111"], "b": ["010"]}]
)
def test_a_bare_circuit_gives_what_qiskit_gives(read):
    circuit, inputs, weights = feature_circuit(3)
    model = circuit_model(
        circuit, {"text": inputs[:2], "audio": inputs[2:]}, read, weights=WEIGHTS[: len(weights)]
    )
    data = table(24, text=2, audio=1)
    x = np.concatenate([data["text"], data["audio"]], 1)
    columns = model(text=torch.as_tensor(data["text"]), audio=torch.as_tensor(data["audio"]))
    for row in range(24):
        names = [p.name for p in (*inputs, *weights)]
        state = statevector_of(circuit, dict(zip(names, [*x[row], *WEIGHTS], strict=False)))
        chances = state.probabilities_dict()
        if read == "Z":
            words = ["IIZ", "IZI", "ZII"]
            expected = [state.expectation_value(SparsePauliOp(word)).real for word in words]
        elif isinstance(read, dict):
            expected = [sum(chances.get(bits, 0) for bits in group) for group in read.values()]
        elif read[0] == "XIZ":
            expected = [state.expectation_value(SparsePauliOp(word)).real for word in read]
        else:
            expected = [chances.get(bits, 0) for bits in read]
        np.testing.assert_allclose(columns[row], expected, atol=1e-12)
    noisy = model.columns({k: torch.as_tensor(data[k]) for k in SIZES}, CircuitChange(damping=0.1))
    assert (noisy - columns).abs().max() > 1e-3


def _with_ancilla() -> Any:
    circuit = QuantumCircuit(3)
    circuit.ry(Parameter("x"), 0)
    circuit.ry(Parameter("y"), 2)
    circuit.h(1)
    circuit.cry(0.7, 0, 1)
    circuit.crx(0.4, 2, 1)
    return circuit


def _with_read_out() -> Any:
    circuit = QuantumCircuit(4)
    circuit.ry(Parameter("x"), 0)
    circuit.ry(Parameter("y"), 1)
    circuit.cx(0, 1)
    circuit.append(library.StatePreparation([0.6, 0, 0, 0.8j]), [1, 3])  # of qubits in use
    circuit.cx(1, 2)
    circuit.cry(1.1, 0, 3)
    return circuit


@pytest.mark.parametrize(("make", "audio"), [(_with_ancilla, 2), (_with_read_out, 1)])
def test_registers_of_no_modality_are_drawn(make, audio):
    circuit = make()
    word = "Z".rjust(circuit.num_qubits, "I")
    model = circuit_model(circuit, {"text": ["x"], "audio": ["y"]}, [word])
    data = table(12, text=1, audio=1)
    study = qfusion.open(model, data, output="scores")
    assert set(study.model.registers()) == {"text", "audio", "other"}
    sample = study.sample(str(study.dataset.ids[3]))
    for draw in (circuit_views.circuit, entropy_gates, mutual_gates):
        assert drawn(draw)(sample).title
    values = {"x": data["text"][3, 0], "y": data["audio"][3, 0]}
    state = statevector_of(circuit, values)
    for name, qubit in (("text", 0), ("audio", audio)):
        others = [place for place in range(circuit.num_qubits) if place != qubit]
        rho = quantum_info.partial_trace(state, others)
        expected = quantum_info.entropy(rho, base=np.e)
        assert sample.entropies[name] == pytest.approx(expected, abs=1e-6)


def test_a_bare_circuit_of_openqasm_3_is_explained(tmp_path):
    path = tmp_path / "circuit.qasm"
    path.write_text(OPENQASM_3)
    head = torch.nn.Linear(2, 2).double()
    features = {"a": ("text", 0), "b": ("audio", 1)}
    model = circuit_model(path, features, ["ZII", "IXZ"], weights={"w": 0.7}, head=head)
    study = qfusion.open(model, table(24, text=1, audio=2), wires={"text": ["q[0]"], "audio": [1]})
    source = study.trained.source
    assert source.registers() == {"text": 1, "audio": 1, "other": 1}
    assert source.trainable() == {8: ("angle",)}
    sample = study.inputs(np.array([5]))
    values = source.parameters(sample)[0]
    for mine, theirs in zip(
        list(statevector.apply_circuit(source.gates(sample), 3))[1:],
        qiskit_states(source.circuit, values),
        strict=True,
    ):
        np.testing.assert_allclose(mine.numpy(), theirs, atol=1e-12)

    def own(mixed: Any) -> Any:
        columns = []
        for a, b in zip(mixed["text"][:, 0], mixed["audio"][:, 1], strict=True):
            circuit = QuantumCircuit(3)
            circuit.ry(float(a), 0)
            circuit.rx(2 * float(b) + 0.5, 1)
            for k in range(3):
                circuit.rz(0.1 * k, 2)
                circuit.cx(0, 1)
            circuit.cry(0.7, 1, 2)
            circuit.h([0, 1, 2])
            state = quantum_info.Statevector(circuit)
            read = [state.expectation_value(SparsePauliOp(word)).real for word in ("ZII", "IXZ")]
            columns.append(read)
        model = copy.copy(study.model)
        model.call = lambda _: head(torch.tensor(columns, dtype=torch.float64)).detach()
        return np.asarray(model.scores(mixed))

    sample_id = str(study.dataset.ids[5])
    expected = brute_force(own, study, sample_id, 1)
    for name, value in study.sample(sample_id, output=1).dividends.items():
        assert value == pytest.approx(expected[name], abs=1e-10)


def test_a_qnode_can_be_walked():
    import pennylane as qml

    angle = torch.nn.Parameter(torch.tensor(0.4, dtype=torch.float64))

    def gates():
        qml.Hadamard("a")
        qml.CRX(angle, wires=["a", 1])
        qml.QFT(wires=["a", 1, 2])

    def ends(measure, bits):
        @qml.qnode(qml.device("default.qubit", wires=["a", 1, 2]))
        def circuit():
            qml.BasisState(bits, wires=["a", 1, 2])
            gates()
            return measure()

        return circuit()

    @qml.qnode(qml.device("default.qubit"))
    def expectation():
        gates()
        return qml.expval(qml.Y(1) @ qml.Z("a"))

    @qml.qnode(qml.device("default.qubit", wires=["a", 1, 2]))
    def probabilities():
        gates()
        return qml.probs(wires="a")

    for circuit, measured in (
        (expectation, lambda: qml.expval(qml.Y(1) @ qml.Z("a"))),
        (probabilities, lambda: qml.expval(qml.Z(2))),
    ):
        study = qfusion.open_circuit(circuit)
        source = study.trained.source
        assert len(study.dataset) == 8
        assert source.facts.angles == 1
        for name in ("000", "011", "101"):
            row = study.dataset.row(name)
            bits = np.array([int(bit) for bit in name])
            assert study.scores[row, 0] == pytest.approx(
                float(ends(measured, bits).detach()), abs=1e-12
            )
            *_, state = statevector.apply_circuit(source.gates(study.inputs(np.array([row]))), 3)
            expected = ends(qml.state, bits).detach().numpy()
            assert abs(np.vdot(state.numpy(), expected)) == pytest.approx(1, abs=1e-12)


def test_qnodes_that_cannot_be_walked_are_refused():
    import pennylane as qml

    device = qml.device("default.qubit", wires=2)
    needs = qml.QNode(lambda x: qml.expval(qml.Z(0)), device)
    alone = qml.QNode(lambda: qml.expval(qml.Z(0)), qml.device("default.qubit", wires=1))
    for circuit, options, words in (
        (needs, {}, "cannot be run without arguments"),
        (alone, {}, "this one has 1"),
        (alone, {"read": "Z"}, "no effect on a QNode"),
    ):
        with pytest.raises(InvalidInput, match=words):
            qfusion.open_circuit(circuit, **options)


def test_any_circuit_can_be_walked():
    study = qfusion.adapters.open_circuit(OPENQASM_2, name="majority")
    source = study.trained.source
    assert source.registers() == {"text": 2, "audio": 2}
    assert len(study.dataset) == 16
    bits = "0110"
    sample = study.inputs(np.array([study.dataset.row(bits)]))
    *_, end = statevector.apply_circuit(source.gates(sample), 4)
    circuit = QuantumCircuit(4)
    circuit.x([qubit for qubit, bit in enumerate(bits) if bit == "1"])
    own = qasm2.loads(
        OPENQASM_2.replace("sx audio[1];", "sdg audio[1]; h audio[1]; sdg audio[1];").replace(
            "measure audio -> c;", ""
        )
    )
    state = quantum_info.Statevector(circuit).evolve(own).data.reshape((2,) * 4).transpose()
    assert abs(np.vdot(end.numpy(), state.reshape(-1))) == pytest.approx(1, abs=1e-12)
    dividends = study.sample(bits).dividends
    state = quantum_info.Statevector(circuit).evolve(own)
    expected = state.expectation_value(SparsePauliOp("ZIII")).real
    assert sum(dividends.values()) == pytest.approx(expected, abs=1e-12)
    assert study.dataset.y[study.dataset.row(bits)] == pytest.approx(expected, abs=1e-12)
    names = [gate.name for gate in source.gates(sample)]
    assert names[:4] == ["RY"] * 4
    assert names[4:] == [
        *("Hadamard", "RX", "U3", "CNOT", "CNOT", "Toffoli", "ControlledPhaseShift", "SX")
    ]


def test_a_circuit_of_many_qubits_has_scores_but_no_states():
    circuit = QuantumCircuit(18)
    angle = Parameter("x")
    circuit.ry(angle, 0)
    for qubit in range(17):
        circuit.cx(qubit, qubit + 1)
    model = circuit_model(circuit, {"a": [angle]}, ["Z" + "I" * 17])
    data = {"a": np.linspace(0, 3, 8)[:, None], "y": np.linspace(0, 1, 8)}
    study = qfusion.open(model, data)
    assert "18 qubits" in " ".join(study.trained.notes)
    columns = model(a=torch.as_tensor(data["a"]))
    np.testing.assert_allclose(columns[:, 0], np.cos(data["a"][:, 0]), atol=1e-12)


BAD_FILES = {
    "qreg q[1]; x q[0];": "must begin with its version",
    "OPENQASM 4.0; qubit q;": "must begin with its version",
    'OPENQASM 2.0; include "/etc/passwd"; qreg q[2];': "no other files are read",
    'OPENQASM 3.0; include "secret.inc"; qubit[2] q;': "no other files are read",
    "OPENQASM 2.0; qreg q[999999999];": "size of a register",
    "OPENQASM 3.0; const int n = 99999999; qubit[n] q;": "size of a register",
    'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; mystery q[0];': "cannot be parsed",
    "OPENQASM 2.0; opaque magic a,b; qreg q[2]; magic q[0],q[1];": "magic",
    'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; rx(1/0) q[0];': "divide by zero",
    'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; h q[0]; measure q[0]->c[0]; '
    "x q[0];": "measured before its gate x",
    'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; h q[0]; reset q[0]; x q[0];': "is reset after",
    'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; if(c==1) x q[0];': "control",
    'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit c; c = measure q[0]; '
    "if (c) { x q[1]; }": "classical control",
    'OPENQASM 3.0; include "stdgates.inc"; input float a; qubit[2] q; rx(a) q[0];': "no features",
    'OPENQASM 3.0; include "stdgates.inc"; input float angle; qubit[2] q;': "cannot be parsed",
    'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; for int i in [0:99999999] { x q[0]; }': (
        "a loop of"
    ),
    "OPENQASM 2.0; qreg q[17]; U(0,0,0) q[0];": "2 to 16 qubits",
    "OPENQASM 2.0; qreg q[30]; U(0,0,0) q[0];": "1 to 20 qubits",
    'OPENQASM 2.0; include "qelib1.inc"; qreg q[2];' + "x q[0];" * 100_001: "statements",
    'OPENQASM 2.0; include "qelib1.inc"; qreg q[2];' + "x q[0];" * 30_000: "more than 20,000 gates",
    'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; rx('
    + "(" * 1000
    + "1"
    + ")" * 1000
    + ") q[0];": ("nested"),
    "OPENQASM 2.0; qreg q[2]; //" + "x" * (9 << 20): "characters",
}


_WIDE = ",".join(f"q[{k}]" for k in range(12))
_BODY_3 = {  # of OpenQASM 3, by what it would take long for
    "doubled twice": ("gate g0 a { h a; }", "gate g{1} a {{ g{0} a; g{0} a; }}", "g{0} q[0];"),
    "inverted": ("gate g0 a { }", "gate g{1} a {{ inv @ g{0} a; g{0} a; }}", "g{0} q[0];"),
    "controlled": (
        "gate g0 a, b { cx a, b; h a; }",
        "gate g{1} a, b {{ ctrl @ g{0} a, b; ctrl @ g{0} b, a; }}",
        "g{0} q[0], q[1];",
    ),
}
LONG_FILES = {
    **{
        first
        + "".join(step.format(k, k + 1) for k in range(25))
        + "qubit[2] q;"
        + last.format(25): "call more than 20,000 gates"
        for first, step, last in _BODY_3.values()
    },
    "gate g a { h a; t a; } qubit[12] q;" + "ctrl @ " * 11 + f"g {_WIDE};": "call more than",
    "qubit[12] q;" + "ctrl @ " * 5 + f"inv @ ctrl @ U(1, 2, 3) {_WIDE[:34]};": "call more than",
    "qubit[2] q; ctrl(100000000000) @ x q[0], q[1];": "too many controls",
    f"gate g {_WIDE.replace('[', '').replace(']', '')} {{ h q0; }} qubit[12] q; pow(2) @ g {_WIDE};": (
        "acts on 12 qubits"
    ),
    "qubit[2] q; pow(1e3) @ ctrl(7) @ x q[0];": "acts on 7 qubits",
    "qubit[2] q; for int i in [0:100000000000000000000000] { x q[0]; }": "A number in line 1",
    "qubit[2] q; for int i in [0:9999] { for int j in [0:9999] { } }": "too many steps",
    "qubit[2] q; for int i in [0:9999] { for int j in [0:9999] { barrier q; } }": "too many steps",
    "h $999999999;": "uses qubit",
    "qubit[900] q;" + "h q;" * 2000: "without idle qubits",
}


@pytest.mark.parametrize(("text", "problem"), LONG_FILES.items(), ids=range(len(LONG_FILES)))
def test_openqasm_that_unfolds_without_end_is_refused_at_once(text: str, problem: str) -> None:
    began = time.process_time()
    with pytest.raises(InvalidInput, match=problem):
        qfusion.adapters.open_circuit(f'OPENQASM 3.0; include "stdgates.inc"; {text}')
    assert time.process_time() - began < 10


def test_modifiers_and_nested_definitions_of_openqasm_3_are_read() -> None:
    """Gates of the text, controlled, inverted and raised to a power, act as their matrices."""
    text = """OPENQASM 3.0; include "stdgates.inc"; qubit[3] q;
    gate half(t) a { rx(t) a; s a; }
    gate twice(t) a, b { half(t) a; half(2 * t) b; half(t) a; }
    input float turn; ry(turn) q[0]; ry(-turn) q[0];
    h q[0]; ctrl @ twice(0.3) q[0], q[1], q[2]; inv @ half(0.7) q[0]; pow(0.5) @ x q[1];
    for int i in [0:2] { ctrl(2) @ half(0.4) q[0], q[1], q[2]; }"""

    def half(t: float) -> np.ndarray:
        rx = [[np.cos(t / 2), -1j * np.sin(t / 2)], [-1j * np.sin(t / 2), np.cos(t / 2)]]
        return np.diag([1, 1j]) @ np.array(rx)

    def controlled(gate: np.ndarray) -> np.ndarray:
        whole = np.eye(2 * len(gate), dtype=complex)
        whole[len(gate) :, len(gate) :] = gate
        return whole

    h, one = np.array([[1, 1], [1, -1]]) / 2**0.5, np.eye(2)
    root = np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]]) / 2
    state = np.kron(h, np.eye(4))[:, 0]
    state = controlled(np.kron(half(0.3) @ half(0.3), half(0.6))) @ state
    state = np.kron(np.kron(half(0.7).conj().T, root), one) @ state
    state = np.linalg.matrix_power(controlled(controlled(half(0.4))), 3) @ state
    words = ["ZII", "IZI", "IIZ", "XYZ"]
    model = circuit_model(text, {"a": ["turn"]}, words)
    paulis = {"I": one, "X": h @ np.diag([1, -1]) @ h, "Z": np.diag([1, -1])}
    paulis["Y"] = 1j * paulis["X"] @ paulis["Z"]
    expected = [
        (state.conj() @ np.kron(np.kron(paulis[w[2]], paulis[w[1]]), paulis[w[0]]) @ state).real
        for w in words
    ]
    found = model(a=torch.tensor([[0.4]]))[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize(("text", "problem"), BAD_FILES.items(), ids=range(len(BAD_FILES)))
def test_bad_openqasm_says_why(text, problem):
    with pytest.raises(InvalidInput, match=problem):
        qfusion.adapters.open_circuit(text)


def test_bad_tables_of_a_circuit_say_why(tmp_path):
    circuit, inputs, _ = feature_circuit(2)
    good = {"text": inputs[:1], "audio": inputs[1:]}
    model = circuit_model
    for arguments, options, problem in (
        ((circuit, {"text": ["nobody"]}), {}, "names parameter 'nobody'"),
        ((circuit, {}), {}, "which parameters are features"),
        ((circuit, {"text": [inputs[0], inputs[0]]}), {}, "twice"),
        ((circuit, {"text": "x"}), {}, "must list the parameters"),
        ((circuit, good), {}, "4 parameters that are no features"),
        ((circuit, good), {"weights": [1, 2]}, "gives 2 values"),
        ((circuit, good), {"weights": {"nobody": 1}}, "has no value"),
        ((circuit, good), {"weights": [np.nan] * 4}, "finite"),
        ((circuit, good, ["ZZZ"]), {"weights": WEIGHTS[:4]}, "words of 2 letters"),
        ((circuit, good, ["012"]), {"weights": WEIGHTS[:4]}, "words of 2 letters"),
        ((circuit, good, {"a": ["000"]}), {"weights": WEIGHTS[:4]}, "strings of 2 bits"),
        ((circuit, good, []), {"weights": WEIGHTS[:4]}, "is empty"),
        ((7, good), {}, "must be a QuantumCircuit"),
    ):
        with pytest.raises(InvalidInput, match=problem):
            model(*arguments, **options)
    with pytest.raises(NotFound, match="does not exist"):
        model(tmp_path / "nothing.qasm", good)
    (tmp_path / "bytes.qasm").write_bytes(b"\xff\xfe OPENQASM")
    with pytest.raises(InvalidInput, match="cannot be read as text"):
        model(tmp_path / "bytes.qasm", good)
    made = model(circuit, good, weights=WEIGHTS[:4], head=np.eye(3))
    with pytest.raises(InvalidInput, match="takes 3 numbers"):
        made(text=torch.zeros(2, 1), audio=torch.zeros(2, 1))
    with pytest.raises(InvalidInput, match="is missing"):
        made(text=torch.zeros(2, 1))
    with pytest.raises(InvalidInput, match="feature 0 of 'audio'"):
        made(text=torch.zeros(2, 1), audio=torch.zeros(2, 0))


@pytest.fixture(scope="module")
def small() -> Any:
    """A bare circuit of three qubits as a study."""
    pytest.importorskip("qiskit_aer", reason="needs the extra `devices`")
    pytest.importorskip("qiskit_ibm_runtime", reason="needs the extra `devices`")
    circuit, inputs, weights = feature_circuit(3)
    features = {"text": inputs[:2], "audio": inputs[2:]}
    model = circuit_model(circuit, features, ["ZII", "IXI"], weights=WEIGHTS[: len(weights)])
    return qfusion.open(model, table(24, text=2, audio=1), name="small")


@pytest.mark.parametrize("name", ["FakeManilaV2", "FakeLagosV2"])
def test_noise_of_a_device_equals_that_of_aer(small, name):
    from qiskit_aer import AerSimulator, noise
    from qiskit_ibm_runtime import fake_provider

    from qfusion.plugins.qiskit import devices

    source = small.trained.source
    sample = small.inputs(np.array([0, 1, 2]))
    values = source.parameters(sample)
    compiled = devices.compile_changed(source.circuit, CircuitChange(device=name))
    own = compiled.density_matrices(values)
    backend = getattr(fake_provider, name)()
    simulator = AerSimulator(
        method="density_matrix", noise_model=noise.NoiseModel.from_backend(backend)
    )
    bound = qiskit_gates.BoundCircuit(compiled.circuit, values[:, list(compiled.source)])
    for row in range(3):
        circuit = QuantumCircuit(backend.num_qubits)
        for place, gate in enumerate(compiled.circuit.gates):
            angles = bound.angles(place) if gate.angle_names else np.zeros((1, 0))
            operation = gate.operation.base_class(*angles[row % len(angles)])
            circuit.append(operation, [compiled.physical[wire] for wire in gate.wires])
        circuit.save_density_matrix(qubits=[compiled.physical[place] for place in compiled.places])
        rho = np.asarray(simulator.run(circuit).result().data()["density_matrix"])
        np.testing.assert_allclose(own[row], qiskit_gates.reorder(rho), atol=1e-9)
    # and what is read of one qubit is what its confusion says
    columns = source.columns(sample, CircuitChange(device=name))
    up, down = compiled.readout[2]
    populations = own.diagonal(dim1=1, dim2=2).real.reshape(3, 2, 2, 2).sum((1, 2))
    read = populations @ torch.tensor([[1 - up, up], [down, 1 - down]], dtype=torch.float64)
    np.testing.assert_allclose(columns[:, 0], read[:, 0] - read[:, 1], atol=1e-12)


def test_contributions_on_a_device_add_up_to_the_noisy_score(small):
    from qfusion.plugins.qiskit import device_runs

    run = device_runs.run_on_device(small, "FakeLagosV2", sample="sample-0003", shots=4000)
    table = run.contributions
    row = small.dataset.row("sample-0003")
    model = small.model.with_change(CircuitChange(device="FakeLagosV2"))
    noisy = model.scores(model.encode(small.inputs(np.array([row]))))[0, run.output]
    assert table["device"].sum() == pytest.approx(float(noisy), abs=1e-9)
    ideal = small.sample("sample-0003", output=run.output)
    assert table["ideal"].sum() == pytest.approx(ideal.score, abs=1e-9)
    against_rows = explain.explain(small.model, ideal.inputs, small.background)
    expected = against_rows.dividends[0, :, run.output]
    np.testing.assert_allclose(table["ideal"], expected, atol=1e-9)
    assert (table["low"] < table["device"]).all()
    assert (table["device"] < table["high"]).all()
    assert run.two_qubit_gates >= 8
    assert run.depth > run.two_qubit_gates / 2
    accuracy = device_runs.accuracy_on_device(small, "FakeLagosV2", shots=1000)
    assert 0 <= accuracy.low <= accuracy.high <= 1
    test = small.dataset.rows("test")
    right = small.scores[test].argmax(1) == small.dataset.y[test]
    assert accuracy.ideal == pytest.approx(right.mean())


@pytest.mark.parametrize("which", ["hybrid", "sampled"])
def test_networks_run_on_a_device(which, request):
    pytest.importorskip("qiskit_aer", reason="needs the extra `devices`")
    study = request.getfixturevalue(which)
    source = study.trained.source
    sample = study.inputs(np.array([0, 1]))
    exact = source.columns(sample, UNCHANGED)
    noisy = source.columns(sample, CircuitChange(device="FakeManilaV2"))
    assert 1e-3 < (noisy - exact).abs().max() < 1
    place = next(iter(source.trainable()))
    edited = CircuitChange(((place, "angle", 0.7),), device="FakeManilaV2")
    assert (source.columns(sample, edited) - noisy).abs().max() > 1e-4
    with pytest.raises(InvalidInput, match="Choose one"):
        source.columns(sample, CircuitChange(device="FakeManilaV2", damping=0.1))
    with pytest.raises(NotFound, match="FakeManilaV2"):
        source.columns(sample, CircuitChange(device="FakeManilla"))


def test_pennylane_circuits_run_on_a_device():
    pytest.importorskip("qiskit_aer", reason="needs the extra `devices`")
    qml = pytest.importorskip("pennylane", reason="needs the extra `track`")
    from qfusion.plugins.qiskit import devices

    @qml.qnode(qml.device("default.qubit", wires=3), interface="torch")
    def circuit(inputs):
        qml.AngleEmbedding(inputs, wires=range(3), rotation="Y")
        qml.Rot(0.3, -0.4, 0.5, wires=1)
        qml.CNOT(wires=[0, 1])
        qml.QubitUnitary(qml.matrix(qml.CRot(0.1, 0.2, 0.3, wires=[0, 1])), wires=[1, 2])
        return qml.expval(qml.PauliZ(2) @ qml.PauliX(0)), qml.probs(wires=[1])

    def model(a, b):
        value, chances = circuit(torch.cat([a, b], 1))
        return torch.stack([value, chances[..., 1]], -1)

    study = qfusion.open(model, table(12, a=1, b=2))
    sample = study.inputs(np.array([0, 1, 2]))
    noisy = study.trained.source.columns(sample, CircuitChange(device="FakeManilaV2"))
    gates = [
        study.trained.source.gates({k: v[row : row + 1] for k, v in sample.items()})
        for row in range(3)
    ]
    own = QuantumCircuit(3)
    angles = ParameterVector("x", 6)  # which are not known when it is compiled
    for k in range(3):
        own.ry(angles[k], k)
    own.rz(angles[3], 1)
    own.ry(angles[4], 1)
    own.rz(angles[5], 1)
    own.cx(0, 1)
    own.unitary(qiskit_gates.reorder(gates[0][-1].matrix.numpy()), [1, 2])
    compiled = devices.compile_circuit(own, devices.load_device("FakeManilaV2"))
    fixed = torch.tensor([[0.3, -0.4, 0.5]], dtype=torch.float64).expand(3, 3)
    values = torch.cat([sample["a"], sample["b"], fixed], 1).numpy()
    rho = compiled.density_matrices(values)
    expected = devices.word_expectations(rho, ["XIZ", "IZI"], compiled.readout)
    np.testing.assert_allclose(noisy[:, 0], expected[:, 0], atol=1e-10)
    np.testing.assert_allclose(noisy[:, 1], (1 - expected[:, 1]) / 2, atol=1e-10)


def test_circuits_that_are_too_large_for_a_device_say_so():
    pytest.importorskip("qiskit_aer", reason="needs the extra `devices`")
    from qfusion.plugins.qiskit import devices

    with pytest.raises(InvalidInput, match="has 5 qubits"):
        devices.compile_circuit(QuantumCircuit(6), devices.load_device("FakeManilaV2"))
    with pytest.raises(InvalidInput, match="at most 8"):
        devices.compile_circuit(QuantumCircuit(9), devices.load_device("FakeManilaV2"))


def test_observables_are_pulled_back_through_the_noise_of_a_device():
    pytest.importorskip("qiskit_aer", reason="needs the extra `devices`")
    from qfusion.plugins.qiskit import devices

    circuit = QuantumCircuit(3)
    circuit.unitary(quantum_info.random_unitary(4, seed=1), [0, 2])
    circuit.unitary(quantum_info.random_unitary(4, seed=2), [1, 0])
    compiled = devices.compile_circuit(circuit, devices.load_device("FakeManilaV2"))
    rho = compiled.density_matrices(np.zeros((1, 0)))[0]
    observable = torch.as_tensor(quantum_info.random_hermitian(8, seed=3).data)
    before = compiled.pull_back(observable[None])[0]
    expected = torch.einsum("ij,ji->", observable, rho)
    assert complex(before[0, 0]) == pytest.approx(complex(expected), abs=1e-12)


def test_the_entangled_network_on_a_device(monkeypatch):
    pytest.importorskip("qiskit_aer", reason="needs the extra `devices`")
    from qfusion.plugins.qiskit import device_runs, devices, fusion_devices
    from qfusion.study.opening import open_study

    study = open_study("qcnn-parity")
    run = device_runs.run_on_device(study, "FakeGuadalupeV2")
    table = run.contributions
    noisy = run.scores["device"][run.output]
    assert table["device"].sum() == pytest.approx(noisy, abs=1e-9)
    ideal = study.sample(study.opening_sample, output=run.output)
    assert table["ideal"].sum() == pytest.approx(ideal.score, abs=1e-9)
    assert abs(noisy) < abs(ideal.score)
    few = study.dataset.rows("test")[:30]
    accuracy = device_runs.accuracy_on_device(study, "FakeGuadalupeV2", rows=few, shots=500)
    assert accuracy.ideal > 0.9
    assert accuracy.low <= accuracy.high <= 1
    # without errors, the scores are those of the model
    monkeypatch.setattr(devices, "gate_errors", lambda *_: {})
    known = devices.load_device("FakeGuadalupeV2")
    silent = dataclasses.replace(known, readout=((0.0, 0.0),) * known.qubits)
    monkeypatch.setattr(devices, "load_device", lambda _: silent)
    rows = study.inputs(np.arange(5))
    own = fusion_devices.FusionOnDevice(study.trained, "FakeGuadalupeV2")(rows)
    expected = study.trained.scores(study.trained.encode(rows)).detach()
    np.testing.assert_allclose(own, expected, atol=1e-10)
