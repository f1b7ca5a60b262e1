"""Operators decomposed: by subsets of modalities, letter by letter, and by the gauge freedom of a Lindblad generator.

H = sum_S H_S over all subsets S of the modalities. H_S acts on exactly the modalities in S: as the identity on the
others, and without trace on each one in S. These conditions make the parts unique and orthogonal,
Tr[H_S^+ H_R] = 0 for S != R. With P_m X = 1_m x Tr_m[X] / d_m, the mean over modality m,

    H_S = prod_{m in S} (1 - P_m)  prod_{m not in S} P_m  H.

This is the operator form of the functional ANOVA decomposition. In a product of (generalised) Pauli bases H_S collects
the terms whose non-identity letters are at S.

Operators expanded letter by letter: their coefficients in a product of bases, one of each modality.

    A = sum_w c_w P_w1 x ... x P_wM,   c_w = Tr[P_w^+ A] / D,   Tr[P_a^+ P_b] = d delta_ab of each basis

so that sum_w |c_w|^2 = Tr[A^+ A] / D. If a dimension is a power of two, its basis is that of the Pauli words of its
qubits (I, X, Y, Z). Otherwise it is that of the generalised Gell-Mann matrices (Bertlmann and Krammer 2008, J. Phys. A
41, 235303) with the identity, scaled to the norm of the others.

The gauge freedom of a Lindblad generator, and one unravelling chosen by convention.

The master equation of H and L_k is also that of

    L_k -> sum_l U_kl L_l  (U unitary),      L_k -> L_k + c_k 1,  H -> H + 1/(2i) sum_k (c_k* L_k - c_k L_k^+),

so the number of operators, their names and their jumps are not properties of the dynamics. With traceless L_k the split
into Hamiltonian and dissipator is unique (Breuer and Petruccione 2002, section 3.2). `decompose` gives

    H = sum_S H_S,      L_k = sum_A L_k^A      (S, A: the subsystems that a part acts on exactly),

and a common factor g_A on the parts A of all L_k commutes with U: sum_S f_S H_S and L_k' = sum_A g_A L_k^A form a
Lindblad generator for any factors, the same one in every gauge.
"""

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import combinations, product

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, require_few_modalities
from qfusion._memory_cache import memo
from qfusion.quantum import lindblad, states
from qfusion.quantum.states import takes_arrays

Subset = tuple[int, ...]
Factors = Mapping[Subset, float | Tensor]


def subsets(M: int) -> list[Subset]:
    """Return all subsets of range(M), smaller ones first: (), (0,), (1,), ..., (0, 1), ...

    Raises:
        InvalidInput: when there are more than 12 modalities, which have more coalitions than are explained.
    """
    require_few_modalities("A model", M)
    return [s for size in range(M + 1) for s in combinations(range(M), size)]


def subset_name(subset: Subset, names: Sequence[str]) -> str:
    """Return the names of the modalities in `subset` joined by "+"; "" for the empty one.

    Example:
        >>> subset_name((0, 2), ("text", "audio", "vision"))
        'text+vision'
    """
    return "+".join(names[m] for m in subset)


@takes_arrays
def decompose(H: Tensor, dims: Sequence[int]) -> dict[Subset, Tensor]:
    """Return the parts H_S of shape (..., D, D), keyed by the subsets of `subsets(len(dims))`, in that order.

    The empty subset is the identity part 1 Tr[H] / D. The map is linear, so gradients pass through it.

    Args:
        H: operators (..., D, D), Hermitian or not.
        dims: dimensions of the modalities, product D.

    Raises:
        InvalidInput: when the shape does not fit `dims`.

    Example:
        >>> import torch
        >>> from qfusion.quantum.decomposition import decompose
        >>> Z = torch.diag(torch.tensor([1.0, -1.0])) + 0j
        >>> parts = decompose(torch.kron(Z, Z), (2, 2))
        >>> [subset for subset, part in parts.items() if part.norm() > 1e-6]
        [(0, 1)]
    """
    check(
        len(dims) > 0 and all(int(d) == d and d >= 1 for d in dims),
        f"Argument `dims` must hold positive integers, but is {tuple(dims)}. Give one dimension per modality.",
    )
    states.check_operator("H", H, dims)
    parts = H[None]  # the subsets of those that have been split, as bits
    for m, d in enumerate(dims):
        a = math.prod(dims[:m])
        b = math.prod(dims[m + 1 :])
        blocks = parts.reshape(*parts.shape[:-2], a, d, b, a, d, b)
        identity = torch.eye(d).to(H)
        mean = torch.einsum("...aibcid,jk->...ajbckd", blocks, identity).reshape(parts.shape) / d
        parts = torch.cat((mean, parts - mean))
    return {subset: parts[sum(1 << m for m in subset)] for subset in subsets(len(dims))}


@takes_arrays
def strengths(H: Tensor, dims: Sequence[int]) -> dict[Subset, Tensor]:
    """Return the Hilbert-Schmidt norms ||H_S|| = sqrt(Tr[H_S^+ H_S]), shape (...); their squares add up to ||H||^2.

    Raises:
        InvalidInput: when the shape does not fit `dims`.

    Example:
        >>> import torch
        >>> from qfusion.quantum.decomposition import strengths
        >>> Z = torch.diag(torch.tensor([1.0, -1.0])) + 0j
        >>> {subset: float(size) for subset, size in strengths(torch.kron(Z, Z), (2, 2)).items()}
        {(): 0.0, (0,): 0.0, (1,): 0.0, (0, 1): 2.0}
    """
    return {subset: torch.linalg.matrix_norm(part) for subset, part in decompose(H, dims).items()}


@takes_arrays
def coalition_strengths(system: lindblad.System) -> tuple[dict[str, float], dict[str, float]]:
    """Return the strengths of the parts of all coalitions except the empty one, which moves all levels alike. The
    energies sqrt(Tr[H_S^2] / D) are the root mean square energies of H_S, and their squares add up. The rates sum_k
    Tr[L_k^A+ L_k^A] / D are the coalitions' parts of the jumps per time in the completely mixed state, and they add
    up.
    """
    D = len(system.H)
    energies = {}
    for subset, value in strengths(system.H, system.dims).items():
        if subset:
            name = subset_name(subset, system.names)
            energies[name] = float(value) / D**0.5
    rates = {}
    for subset, value in strengths(system.jumps, system.dims).items():
        if subset:
            name = subset_name(subset, system.names)
            rates[name] = float(value.square().sum()) / D
    return energies, rates


def change(H: Tensor, dims: Sequence[int], factors: Mapping[Subset, float | Tensor]) -> Tensor:
    """Return sum_S (f_S - 1) H_S with f_S from `factors`, or 1 for subsets not in it. This is the term to add to H so
    that its parts are f_S H_S. It is exactly zero for unit factors.

    Raises:
        InvalidInput: when the shape does not fit `dims` or `factors` names a subset that does not exist.

    Example:
        >>> import torch
        >>> from qfusion.quantum.decomposition import change
        >>> Z = torch.diag(torch.tensor([1.0, -1.0])) + 0j
        >>> change(torch.kron(Z, Z), (2, 2), {(0, 1): 0.5}).diagonal().real
        tensor([-0.5000,  0.5000,  0.5000, -0.5000])
    """
    parts = decompose(H, dims)
    unknown = [s for s in factors if s not in parts]
    check(
        not unknown,
        f"Argument `factors` must be keyed by ascending subsets of range({len(dims)}), but has "
        f"{unknown[:3]}. The subsets are {list(parts)[:16]}.",
    )
    return sum(
        ((f - 1) * parts[subset] for subset, f in factors.items() if torch.is_tensor(f) or f != 1),
        start=torch.zeros_like(H),
    )


@memo(32)
def basis(d: int) -> tuple[tuple[str, ...], Tensor]:
    """Return names and matrices (d^2, d, d) of the basis of a dimension, the identity first, Hermitian.

    Gell-Mann matrices are called S12 (symmetric), A12 (antisymmetric) by the levels that they couple, from 1, and D1,
    D2, ... (diagonal).

    Example:
        >>> from qfusion.quantum.decomposition import basis
        >>> basis(2)[0]
        ('I', 'X', 'Y', 'Z')
    """
    check(
        int(d) == d and d >= 1,
        f"Argument `d` must be a dimension from 1, but is {d}. Give a whole number.",
    )
    qubits = int(d).bit_length() - 1
    if d == 1:
        return ("I",), torch.ones(1, 1, 1, dtype=torch.complex128)
    if 1 << qubits == d:
        return tuple("".join(letters) for letters in product("IXYZ", repeat=qubits)), words(qubits)
    matrices = {"I": torch.eye(d, dtype=torch.complex128)}
    for j, k in combinations(range(d), 2):
        levels = f"{j + 1}{k + 1}" if d < 10 else f"{j + 1},{k + 1}"
        unit = torch.zeros(d, d, dtype=torch.complex128)
        unit[j, k] = math.sqrt(d / 2)
        matrices |= {"S" + levels: unit + unit.mH, "A" + levels: 1j * (unit.mH - unit)}
    for n in range(1, d):
        diagonal = torch.tensor(
            [1.0] * n + [-float(n)] + [0.0] * (d - n - 1), dtype=torch.complex128
        )
        matrices[f"D{n}"] = torch.diag(diagonal) * math.sqrt(d / (n * (n + 1)))
    return tuple(matrices), torch.stack(list(matrices.values()))


@takes_arrays
def expand(A: Tensor, dims: Sequence[int]) -> Tensor:
    """Return the coefficients c_w, complex (..., d_1^2, ..., d_M^2), in the order of the names of `basis`.

    Args:
        A: operators (..., D, D), Hermitian (then they are real) or not.
        dims: dimensions of the modalities, product D.

    Raises:
        InvalidInput: when the shape does not fit `dims`.

    Example:
        >>> import torch
        >>> from qfusion.quantum.decomposition import expand
        >>> Z = torch.diag(torch.tensor([1.0, -1.0])) + 0j
        >>> expand(Z, (2,)).real
        tensor([0., 0., 0., 1.])
    """
    D = math.prod(dims)
    M = len(dims)
    batch = A.shape[:-2]
    check(
        A.shape[-2:] == (D, D),
        f"Argument `A` must have shape ({D}, {D}) for dims {tuple(dims)}, but has "
        f"{tuple(A.shape)}. Give a square matrix whose side is the product of `dims`.",
    )
    coefficients = A.to(A.dtype.to_complex()).reshape(*batch, *dims, *dims)
    # the m-th pair of axes becomes one axis of letters, which goes to the end
    for m, d in enumerate(dims):
        pair = [len(batch), len(batch) + M - m]
        letters = basis(d)[1].conj().to(coefficients)
        coefficients = torch.tensordot(coefficients, letters, dims=(pair, [1, 2])) / d
    return coefficients


PAULIS = torch.tensor(
    [[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]],
    dtype=torch.complex128,
)


def words(qubits: int) -> Tensor:
    """Return all Pauli words on that many qubits, (4^n, 2^n, 2^n), the first letter slowest.

    Example:
        >>> from qfusion.quantum.decomposition import words
        >>> words(2).shape
        torch.Size([16, 4, 4])
    """
    return torch.stack([reduce(torch.kron, word) for word in product(PAULIS, repeat=qubits)])


_WORDS = {2: words(1), 4: words(2)}  # by the side of their matrices


@takes_arrays
def transfer_matrix(kraus: Tensor) -> Tensor:
    """Return the Heisenberg transfer matrix R_ab = sum_k Tr[P_a K_k P_b K_k^+] / 2^n of a channel: it maps P_a to
    sum_b R_ab P_b.

    Args:
        kraus: one unitary (d, d), or Kraus operators (K, d, d); one or two qubits.

    Returns:
        Real (4^n, 4^n), differentiable. A Pauli expansion o_a of an observable becomes o @ R under the adjoint channel.

    Example:
        >>> import torch
        >>> from qfusion.quantum.decomposition import transfer_matrix
        >>> transfer_matrix(torch.eye(2, dtype=torch.complex128)[None]).real
        tensor([[1., 0., 0., 0.],
                [0., 1., 0., 0.],
                [0., 0., 1., 0.],
                [0., 0., 0., 1.]], dtype=torch.float64)
    """
    d, K = kraus.shape[-1], kraus if kraus.ndim == 3 else kraus[None]
    check(d in (2, 4), f"Argument `kraus` must act on one or two qubits, but has side {d}.")
    P = _WORDS[d].to(K.device, K.dtype)
    images = torch.einsum("kij,bjl,kml->bim", K, P, K.conj())  # sum_k K P_b K^+
    return torch.einsum("aij,bji->ab", P, images).real / d


def traceless(generator: lindblad.Generator) -> lindblad.Generator:
    """Return the same generator by L_k without trace, which makes H (up to a multiple of 1) and dissipator unique."""
    return lindblad.Generator(generator.dims, tuple(map(_traceless, generator.terms)))


def dense_traceless(H: np.ndarray | Tensor, jumps: np.ndarray | Tensor) -> lindblad.Generator:
    """Return the generator of a Hamiltonian (D, D) and jump operators (K, D, D) by L_k without trace, in double
    precision.

    Raises:
        InvalidInput: when the operators do not fit.

    Example:
        >>> import numpy as np
        >>> from qfusion.quantum.decomposition import dense_traceless
        >>> generator = dense_traceless(np.zeros((2, 2)) + 0j, np.eye(2)[None] + 0j)
        >>> float(generator.terms[0].jumps.abs().max())
        0.0
    """
    double = (torch.as_tensor(X).detach().to(torch.complex128) for X in (H, jumps))
    return traceless(lindblad.Generator.dense(*double))


def _traceless(term: lindblad.Term) -> lindblad.Term:
    d = term.H.shape[-1]
    c = (torch.diagonal(term.jumps, dim1=-2, dim2=-1).sum(-1) / d)[:, None, None]
    shift = (c.conj() * term.jumps).sum(0)
    one = torch.eye(d, dtype=term.H.dtype, device=term.H.device)
    return lindblad.Term(term.subsystems, term.H - (shift - shift.mH) / 2j, term.jumps - c * one)


def scale_generator(
    generator: lindblad.Generator, couplings: Factors, dissipations: Factors
) -> lindblad.Generator:
    """Return the generator of sum_S f_S H_S and sum_A g_A L_k^A; with unit factors the given one to the last bit.

    Args:
        generator: in any gauge; its subsystems are numbered as in its `dims`.
        couplings: f_S by ascending subsets of subsystems, 1 where it names none; what no term acts on has no effect.
        dissipations: g_A likewise.
    """
    terms = []
    for term in generator.terms:
        dims = [generator.dims[m] for m in term.subsystems]
        f, g = (_term_factors(factors, term) for factors in (couplings, dissipations))
        g = g if len(term.jumps) else {}
        if f or g:
            unique = _traceless(term)
            H_change = change(unique.H, dims, f)
            if g:
                jumps = unique.jumps + change(unique.jumps, dims, g)
                term = lindblad.Term(term.subsystems, unique.H + H_change, jumps)
            else:
                term = lindblad.Term(term.subsystems, term.H + H_change, term.jumps)
        terms.append(term)
    return lindblad.Generator(generator.dims, tuple(terms))


def _term_factors(factors: Factors, term: lindblad.Term) -> dict[Subset, float | Tensor]:
    """Return the factors that change a term, by places among its subsystems."""
    own_factors = {}
    for subset, factor in factors.items():
        changes = torch.is_tensor(factor) or factor != 1
        if changes and set(subset) <= set(term.subsystems):
            places = tuple(term.subsystems.index(m) for m in subset)
            own_factors[places] = factor
    return own_factors


def decompose_term(
    term: lindblad.Term, dims: tuple[int, ...]
) -> tuple[dict[Subset, Tensor], dict[Subset, Tensor]]:
    """Return the parts H_S (d, d) and L_k^A (K, d, d) of a term with traceless L_k, by subsystems and without the
    empty ones, on the term's own space."""
    return _parts(term.H, term, dims), _parts(term.jumps, term, dims)


def _parts(X: Tensor, term: lindblad.Term, dims: tuple[int, ...]) -> dict[Subset, Tensor]:
    """Return the parts of an operator of a term by subsystems, without the part that is proportional to 1."""
    parts = {}
    for places, part in decompose(X, [dims[m] for m in term.subsystems]).items():
        if places:
            parts[tuple(term.subsystems[m] for m in places)] = part
    return parts


@takes_arrays
def canonical_jump_operators(jumps: Tensor) -> Tensor:
    """Return the canonical ones among traceless jump operators that are the same up to mixing, (K, D, D).

    They are orthogonal, Tr[L_k^+ L_l] = 0, ordered by their rates Tr[L_k^+ L_k] / D, the largest first, and the first
    element of largest modulus of each is positive. Operators of equal rates remain a choice.

    Args:
        jumps: traceless L_k, (K, D, D).

    Example:
        >>> import torch
        >>> from qfusion.quantum.decomposition import canonical_jump_operators
        >>> L = torch.tensor([[[0.0, 0.3], [0.0, 0.0]], [[0.0, 0.4], [0.0, 0.0]]]) + 0j
        >>> canonical_jump_operators(L).abs().round(decimals=4)
        tensor([[[0.0000, 0.5000],
                 [0.0000, 0.0000]],
        <BLANKLINE>
                [[0.0000, 0.0000],
                 [0.0000, 0.0000]]])
    """
    if not len(jumps):
        return jumps
    flat = jumps.flatten(1)
    mixing = torch.linalg.eigh(flat.conj() @ flat.mT)[1].flip(-1)  # of Tr[L_k^+ L_l], ascending
    view = (mixing.mT @ flat).view(jumps.shape)
    sizes = view.flatten(1).abs()
    # moduli that differ by less than a millionth count as equal
    first = (sizes >= (1 - 1e-6) * sizes.amax(1, keepdim=True)).int().argmax(1)
    leading = view.flatten(1).gather(1, first[:, None])
    phase = torch.where(
        leading == 0, torch.ones_like(leading), leading / leading.abs().clamp_min(1e-300)
    )
    return view * phase.conj()[:, :, None]
