"""The gauge freedom of a Lindblad generator, and one unravelling chosen by convention.

The master equation of H and L_k is also that of

    L_k -> sum_l U_kl L_l  (U unitary),      L_k -> L_k + c_k 1,  H -> H + 1/(2i) sum_k (c_k* L_k - c_k L_k^+),

so the number of operators, their names and their jumps are not properties of the dynamics. With traceless L_k the split
into Hamiltonian and dissipator is unique (Breuer and Petruccione 2002, section 3.2). `decompose` gives

    H = sum_S H_S,      L_k = sum_A L_k^A      (S, A: the subsystems that a part acts on exactly),

and a common factor g_A on the parts A of all L_k commutes with U: sum_S f_S H_S and L_k' = sum_A g_A L_k^A form a
Lindblad generator for any factors, the same one in every gauge.
"""

import numpy as np
import torch
from torch import Tensor

from qfusion.quantum import lindblad
from qfusion.quantum.checks import takes_arrays
from qfusion.quantum.decomposition import Factors, Subset, change, decompose


def traceless(generator: lindblad.Generator) -> lindblad.Generator:
    """Return the same generator by L_k without trace, which makes H (up to a multiple of 1) and dissipator unique."""
    return lindblad.Generator(generator.dims, tuple(map(_traceless, generator.terms)))


def dense_traceless(H: np.ndarray | Tensor, jumps: np.ndarray | Tensor) -> lindblad.Generator:
    """Return the generator of a Hamiltonian (D, D) and jump operators (K, D, D) by L_k without trace, in double
    precision.

    Raises:
        InvalidInput: when the operators do not fit.
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
def unravelling(jumps: Tensor) -> Tensor:
    """Return the canonical ones among traceless jump operators that are the same up to mixing, (K, D, D).

    They are orthogonal, Tr[L_k^+ L_l] = 0, ordered by their rates Tr[L_k^+ L_k] / D, the largest first, and the first
    element of largest modulus of each is positive. Operators of equal rates remain a choice.

    Args:
        jumps: traceless L_k, (K, D, D).
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
