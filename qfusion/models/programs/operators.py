"""Which operators a program may name: functions of tensors that read and write nothing but their arguments.

The core operators of ATen and those that exporters leave whole, each by name. Left out are operators that open files
(`from_file`), take storages, change sizes in place, look at memory without a check, draw at random, or leave the
processor; whatever is not here is refused by its name.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from qfusion._checks import check

_POINTWISE = """abs absolute acos acosh add addcdiv addcmul alias asin asinh atan atan2 atanh bitwise_and bitwise_not
bitwise_or bitwise_xor ceil celu clamp clamp_max clamp_min clone copysign cos cosh deg2rad div divide elu eq erf erfc
erfinv exp exp2 expm1 fill floor floor_divide fmax fmin fmod frac ge gelu glu greater greater_equal gt hardsigmoid
hardswish hardtanh heaviside hypot isfinite isinf isnan le leaky_relu lerp less less_equal lgamma log log10 log1p log2
log_sigmoid logaddexp logical_and logical_not logical_or logical_xor logit lt masked_fill maximum minimum mish mul
multiply nan_to_num ne neg negative not_equal ones_like positive pow prelu rad2deg reciprocal relu relu6 remainder round
rsqrt rsub selu sgn sigmoid sign silu sin sinc sinh softplus softshrink hardshrink threshold sqrt square sub subtract
tan tanh tanhshrink true_divide trunc where xlogy zeros_like full_like special_expm1 special_erf special_xlogy dropout
feature_dropout alpha_dropout native_dropout"""
_SHAPES = """atleast_1d atleast_2d atleast_3d broadcast_tensors broadcast_to cat chunk column_stack concat contiguous
diag diag_embed diagonal dstack expand expand_as flatten flip fliplr flipud hstack index_select mT matrix_H meshgrid
moveaxis movedim narrow permute pixel_shuffle pixel_unshuffle ravel repeat repeat_interleave reshape reshape_as
resolve_conj resolve_neg roll rot90 select select_scatter slice slice_scatter split split_with_sizes squeeze stack
swapaxes swapdims t take_along_dim tensor_split tile transpose tril triu unbind unflatten unfold unsqueeze unsafe_chunk
unsafe_split unsafe_split_with_sizes view view_as view_as_complex view_as_real vstack detach detach_copy lift_fresh
lift_fresh_copy to type_as _to_copy copy constant_pad_nd pad reflection_pad1d reflection_pad2d reflection_pad3d
replication_pad1d replication_pad2d replication_pad3d gather index index_put scatter scatter_add scatter_reduce
masked_scatter index_add index_copy index_fill take numpy_T real imag complex conj unsafe_view _unsafe_view"""
_REDUCTIONS = """all amax amin any argmax argmin argsort count_nonzero cummax cummin cumprod cumsum logcumsumexp
logsumexp max mean median min nanmean nansum norm prod sort std std_mean sum topk var var_mean linalg_norm
linalg_vector_norm cosine_similarity pairwise_distance softmax log_softmax _softmax _log_softmax softmin special_softmax
special_log_softmax bucketize searchsorted"""
_LAYERS = """addbmm addmm addmv addr baddbmm bilinear bmm chain_matmul dot einsum inner kron linear matmul mm mv outer
tensordot trapezoid adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
_adaptive_avg_pool2d _adaptive_avg_pool3d avg_pool1d avg_pool2d avg_pool3d max_pool1d max_pool2d max_pool3d
max_pool2d_with_indices max_pool3d_with_indices batch_norm instance_norm group_norm layer_norm rms_norm
native_layer_norm native_group_norm _native_batch_norm_legit_no_training normalize cdist conv1d conv2d conv3d
conv_transpose1d conv_transpose2d conv_transpose3d convolution embedding one_hot gru lstm rnn_tanh rnn_relu gru_cell
lstm_cell rnn_tanh_cell rnn_relu_cell scaled_dot_product_attention upsample_bilinear2d upsample_nearest1d
upsample_nearest2d upsample_linear1d linalg_inv linalg_solve linalg_det linalg_matrix_exp matrix_exp linalg_eigh
linalg_multi_dot det inverse"""
_MADE = """arange empty empty_like empty_permuted eye full linspace new_empty new_full new_ones new_zeros ones
scalar_tensor zeros"""
_SIZES = """sym_size sym_numel size numel is_floating_point _assert_tensor_metadata"""
# These write into their first argument; a program that so changes its own weights is found when it is run twice.
_IN_PLACE = """add_ addcdiv_ addcmul_ clamp_ clamp_max_ clamp_min_ copy_ cos_ div_ elu_ exp_ fill_ hardtanh_ leaky_relu_
log_ masked_fill_ mul_ neg_ pow_ relu_ rsqrt_ selu_ sigmoid_ silu_ sin_ sqrt_ squeeze_ sub_ tanh_ transpose_ tril_ triu_
unsqueeze_ zero_ index_put_ dropout_ bitwise_not_ bitwise_and_ bitwise_or_ logical_and_ logical_not_ logical_or_
index_add_ scatter_ detach_ celu_ softplus_ threshold_"""
ALLOWED = frozenset(" ".join((_POINTWISE, _SHAPES, _REDUCTIONS, _LAYERS, _MADE, _SIZES, _IN_PLACE)).split())
IN_PLACE = frozenset(_IN_PLACE.split())
DROPOUTS = frozenset({"dropout", "dropout_", "feature_dropout", "alpha_dropout", "native_dropout"})
_RANDOM = ("rand", "normal", "bernoulli", "multinomial", "poisson", "exponential", "uniform", "rrelu")
_ASSERTIONS = ("_assert_scalar", "_assert_async", "sym_constrain_range", "sym_constrain_range_for_size", "_guard")
_FAST = ("_native_multi_head_attention", "_transformer_encoder_layer_fwd", "_nested")
# Arithmetic of numbers, as of sizes.
NUMBERS: dict[str, Callable[..., Any]] = {
    **{f"_operator.{name}": getattr(operator, name)
       for name in ("add", "sub", "mul", "floordiv", "truediv", "mod", "neg", "eq", "ne", "lt", "le", "gt", "ge",
                    "and_", "or_", "not_", "pos", "getitem")},
    **{f"math.{name}": getattr(math, name) for name in ("ceil", "floor", "trunc", "sqrt")},
    "torch.sym_max": max, "torch.sym_min": min, "torch.sym_int": int, "torch.sym_float": float,
    "torch.sym_ite": lambda b, t, f: t if b else f, "torch.sym_not": operator.not_, "torch._sym_sqrt": math.sqrt,
    "torch.sym_sum": sum}


def _recurrent(name: str, gates: int) -> Callable[..., Any]:
    """An operator of a recurrent network that first checks its weights, whose shapes fast kernels take on trust."""

    def call(x: Tensor, hx: Any, params: list[Tensor], has_biases: bool, num_layers: int, dropout: float, train: bool,
             bidirectional: bool, batch_first: bool) -> Any:
        hidden, directions = int((hx[0] if isinstance(hx, (list, tuple)) else hx).shape[-1]), 1 + bool(bidirectional)
        wanted = []
        for layer in range(num_layers):
            width = int(x.shape[-1]) if layer == 0 else hidden * directions
            one = [(gates * hidden, width), (gates * hidden, hidden), *[(gates * hidden,)] * (2 if has_biases else 0)]
            wanted += one * directions
        if [tuple(each.shape) for each in params] != wanted:
            raise ValueError(f"weights of {name} have other shapes than its input and state")
        return getattr(torch.ops.aten, name).input(x, hx, params, has_biases, num_layers, dropout, train, bidirectional,
                                                   batch_first)

    return call


def _batch_norm(x: Tensor, weight: Any, bias: Any, mean: Tensor, variance: Tensor, momentum: float,
                eps: float) -> tuple[Tensor, ...]:
    """By the operator that checks shapes."""
    nothing = x.new_zeros(0)
    return torch.nn.functional.batch_norm(x, mean, variance, weight, bias, False, momentum, eps), nothing, nothing


# In place of operators that would look at memory which nobody wrote to, or take shapes on trust.
SAFER: dict[str, Callable[..., Any]] = {
    "empty": lambda size, *, dtype=None, **_: torch.zeros(size, dtype=dtype),
    "empty_permuted": lambda size, order, *, dtype=None, **_: torch.zeros(size, dtype=dtype),
    "new_empty": lambda x, size, *, dtype=None, **_: x.new_zeros(size, dtype=dtype),
    "empty_like": lambda x, *, dtype=None, **_: torch.zeros_like(x, dtype=dtype),
    "_native_batch_norm_legit_no_training": _batch_norm,
    **{name: _recurrent(name, gates) for name, gates in (("lstm", 4), ("gru", 3), ("rnn_tanh", 1), ("rnn_relu", 1))}}


def is_assertion(target: str) -> bool:
    """Returns whether an operator only says what must hold of sizes; these are checked before a program is run."""
    return target.split(".")[3:4] != [] and target.split(".")[3] in _ASSERTIONS and target.startswith("torch.ops.aten.")


def resolve(target: str, file: str) -> Callable[..., Any]:
    """Returns the operator of a name such as "torch.ops.aten.add.Tensor".

    Args:
        target: as the program names it. file: for messages.

    Raises:
        InvalidInput: when it is not one that programs may name, or this version of torch lacks it.
    """
    if target in NUMBERS:
        return NUMBERS[target]
    parts = target.split(".")
    name = parts[3] if len(parts) == 5 and target.startswith("torch.ops.aten.") else ""
    check(not name.startswith(_FAST), f"Program `{file}` uses the operator `{target[:80]}`, a short cut of attention "
                                      "that has no gradients. Call `torch.backends.mha.set_fastpath_enabled(False)` "
                                      "before `torch.export.export`.")
    check(not name.startswith(_RANDOM), f"Program `{file}` draws at random (operator `{target[:80]}`). Export it with "
                                        "`model.eval()`, and without noise.")
    check(name in ALLOWED, f"Program `{file}` uses the operator `{target[:80]}`, which is not among those that are run "
                           "here. Export the model with operators of ATen alone, or import it by its factory, "
                           "PACKAGE.MODULE:FACTORY.")
    if name in SAFER:
        return SAFER[name]
    found = getattr(getattr(torch.ops.aten, name, None), parts[4], None)
    check(found is not None, f"Program `{file}` uses the operator `{target[:80]}`, which torch {torch.__version__} "
                             "lacks. Export the model with this version of torch.")
    return found  # type: ignore[return-value]  # checked
